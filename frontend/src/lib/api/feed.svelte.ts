import type { Client } from './client';
import { SignedOut } from './errors';
import type { Event } from './types';

const firstPause = 250;
const longestPause = 5000;
// Changes of one moment are one: a container's start is three events.
const settle = 30;

/** The stream of events: tells listeners what changed, comes back when it breaks. */
export class Feed {
  connected = $state(false);
  /** True once the stream broke and is not back yet. */
  lost = $state(false);

  private listeners = new Map<string, Set<() => void>>();
  private due = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private stopped = new AbortController();

  constructor(private readonly client: Client) {}

  /** Calls listener after changes of a type; "hello" after each (re)connect. */
  on(type: string, listener: () => void): () => void {
    const set = this.listeners.get(type) ?? new Set();
    this.listeners.set(type, set.add(listener));
    return () => set.delete(listener);
  }

  async run(): Promise<void> {
    let pause = firstPause;
    while (!this.stopped.signal.aborted) {
      try {
        await this.client.events(0, (events) => this.take(events), this.stopped.signal);
      } catch (thrown) {
        if (thrown instanceof SignedOut) return;
      }
      if (this.stopped.signal.aborted) return;
      pause = this.connected ? firstPause : Math.min(pause * 2, longestPause);
      this.connected = false;
      this.lost = true;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  private take(events: Event[]): void {
    for (const event of events) {
      if (event.type === 'hello') {
        this.connected = true;
        this.lost = false;
      }
      this.due.add(event.type);
    }
    this.timer ??= setTimeout(() => this.tell(), settle);
  }

  private tell(): void {
    this.timer = undefined;
    const due = [...this.due];
    this.due.clear();
    for (const type of due) this.listeners.get(type)?.forEach((listener) => listener());
  }
}
