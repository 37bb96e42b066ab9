import { SvelteMap } from 'svelte/reactivity';
import type { Client } from './client';
import { isAbort, SignedOut } from './errors';
import type { Stats, StatsRound } from './types';

const every = 2000; // ms between two rounds
const kept = 30; // samples of each container: the last minute
const pause = 3000; // ms until it is tried again after it broke off

/** What running containers use, sampled only while somebody looks at it. */
export class Meter {
  private readonly series = new SvelteMap<string, readonly Stats[]>();
  private started = false;
  private watchers = 0;
  private asked: AbortController | undefined;

  constructor(
    private readonly client: Client,
    private readonly doc: Document,
  ) {
    doc.addEventListener('visibilitychange', () => this.settle());
  }

  /** Before it, the page is not signed in and nothing may be asked. */
  start(): void {
    this.started = true;
    this.settle();
  }

  /** Samples until the function that it returns is called. */
  watch(): () => void {
    this.watchers++;
    this.settle();
    return () => {
      this.watchers--;
      this.settle();
    };
  }

  /** A container's last samples, oldest first. */
  of(id: string): readonly Stats[] {
    return this.series.get(id) ?? [];
  }

  private settle(): void {
    const wanted = this.started && this.watchers > 0 && !this.doc.hidden;
    if (wanted && !this.asked) {
      this.asked = new AbortController();
      void this.run(this.asked.signal);
    } else if (!wanted && this.asked) {
      this.asked.abort();
      this.asked = undefined;
    }
  }

  private async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.client.stats({ interval: every * 1e6 }, (rounds) => rounds.forEach((round) => this.take(round)), signal);
      } catch (thrown) {
        if (isAbort(thrown) || thrown instanceof SignedOut) return;
      }
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  private take(round: StatsRound): void {
    const now = round.containers ?? [];
    const ids = new Set(now.map((one) => one.id));
    for (const id of this.series.keys()) if (!ids.has(id)) this.series.delete(id);
    for (const one of now) this.series.set(one.id, [...this.of(one.id).slice(1 - kept), one]);
  }
}
