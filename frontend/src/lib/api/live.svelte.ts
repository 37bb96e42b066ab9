import { asApiError, isAbort, SignedOut, type ApiError } from './errors';

export type Phase = 'loading' | 'ready' | 'failed';

/**
 * A list that stays true: a snapshot, asked for again whenever something says
 * that it changed. Rows keep their place and, while equal, their identity, so
 * that nothing moves under the pointer and only what changed is drawn.
 */
export class Live<T> {
  items = $state.raw<T[]>([]);
  phase = $state<Phase>('loading');
  error = $state.raw<ApiError>();

  private prints = new Map<string, string>();
  private running = false;
  private stale = false;
  private waiters: (() => void)[] = [];

  constructor(
    private readonly list: () => Promise<T[]>,
    private readonly key: (item: T) => string,
  ) {}

  get(key: string): T | undefined {
    return this.items.find((item) => this.key(item) === key);
  }

  /** Asks again; calls that come while one is under way become one more. */
  async refresh(): Promise<void> {
    this.stale = true;
    const done = new Promise<void>((resolve) => this.waiters.push(resolve));
    if (!this.running) void this.run();
    return done;
  }

  private async run(): Promise<void> {
    this.running = true;
    while (this.stale) {
      this.stale = false;
      const served = this.waiters;
      this.waiters = [];
      await this.once();
      served.forEach((resolve) => resolve());
    }
    this.running = false;
  }

  private async once(): Promise<void> {
    try {
      this.merge(await this.list());
      this.error = undefined;
      this.phase = 'ready';
    } catch (thrown) {
      if (isAbort(thrown) || thrown instanceof SignedOut) return;
      this.error = asApiError(thrown);
      if (this.phase !== 'ready') this.phase = 'failed';
    }
  }

  private merge(fresh: T[]): void {
    const before = new Map(this.items.map((item) => [this.key(item), item]));
    const prints = new Map<string, string>();
    let changed = fresh.length !== this.items.length;
    const merged = fresh.map((item, at) => {
      const key = this.key(item);
      const print = JSON.stringify(item);
      prints.set(key, print);
      const kept = before.get(key);
      const same = kept !== undefined && this.prints.get(key) === print ? kept : item;
      changed ||= same !== this.items[at];
      return same;
    });
    this.prints = prints;
    if (changed) this.items = merged;
  }
}
