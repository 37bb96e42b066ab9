import { client } from '$app/davit.svelte';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import type { Stats } from '$lib/api/types';

const every = 10_000; // ms: as often as samples are kept

/** What a container used, as far back as one looks, and what it uses. */
export class History {
  samples = $state.raw<Stats[]>([]);
  error = $state.raw<ApiError>();
  loaded = $state(false);
  private timer: ReturnType<typeof setTimeout> | undefined;
  private asked = new AbortController();
  private since = 0;

  constructor(private readonly id: string) {}

  /** Reads all of a span, then what comes. */
  async watch(span: number): Promise<void> {
    this.close();
    this.asked = new AbortController();
    this.since = Date.now() - span;
    await this.read(this.asked.signal, []);
  }

  close(): void {
    clearTimeout(this.timer);
    this.asked.abort();
  }

  private async read(signal: AbortSignal, before: Stats[]): Promise<void> {
    try {
      const last = before.at(-1)?.time;
      const fresh = await client.statsHistory(this.id, last ?? new Date(this.since).toISOString(), signal);
      if (signal.aborted) return;
      this.samples = [...before, ...fresh.filter((s) => !last || s.time > last)];
      this.error = undefined;
    } catch (thrown) {
      if (signal.aborted || isAbort(thrown)) return;
      this.error = asApiError(thrown);
    }
    this.loaded = true;
    this.timer = setTimeout(() => void this.read(signal, this.samples), every);
  }
}
