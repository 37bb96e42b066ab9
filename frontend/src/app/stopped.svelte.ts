import { client, engine, library } from '$app/davit.svelte';
import { asApiError, type ApiError } from '$lib/api/errors';
import { One } from '$lib/api/one.svelte';

/** The containers that do not run, and what each takes: what it wrote, and its log. */
export class Stopped {
  private readonly usage = new One((signal) => library.diskUsage(signal));
  private readonly sizes = $derived(new Map((this.usage.value?.containers ?? []).map((c) => [c.id, c.size + c.log])));
  readonly items = $derived(engine.containers.items.filter((c) => c.state === 'exited' || c.state === 'created' || c.state === 'dead'));
  /** Bytes. */
  readonly size = $derived(this.items.reduce((sum, { id }) => sum + this.sizeOf(id), 0));

  /** What they take is known. */
  get measured(): boolean {
    return this.usage.value !== undefined;
  }

  get error(): ApiError | undefined {
    return this.usage.error;
  }

  load(): Promise<void> {
    return this.usage.load();
  }

  close(): void {
    this.usage.close();
  }

  sizeOf(id: string): number {
    return this.sizes.get(id) ?? 0;
  }

  /** Removes each that can be; what one of the others said is thrown at the end. */
  async remove(): Promise<{ count: number; freed: number }> {
    const [going, freed] = [this.items, this.size];
    let failed: ApiError | undefined;
    for (const { id } of going) {
      await client.remove(id).catch((thrown) => {
        const error = asApiError(thrown);
        if (error.kind !== 'not-found') failed = error;
      });
    }
    await engine.containers.refresh();
    if (failed) throw failed;
    return { count: going.length, freed };
  }
}
