import type { Client } from './client';
import { asApiError, SignedOut } from './errors';
import type { Event } from './types';

const firstPause = 250;
const longestPause = 5000;
// Changes of one moment are one: a container's start is three events.
const settle = 30;

/** The stream of events: tells listeners what changed, comes back when it breaks. */
export class Feed {
  /** What keeps the stream from being there: the engine is coming back, nobody answers, or the host refuses. */
  trouble = $state<'' | 'restarting' | 'gone' | 'host'>('');

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
        pause = this.trouble === '' ? firstPause : Math.min(pause * 2, longestPause);
        this.trouble = this.stopped.signal.aborted ? '' : troubleOf(thrown);
      }
      if (this.stopped.signal.aborted) return;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  stop(): void {
    this.stopped.abort();
    clearTimeout(this.timer);
  }

  private take(events: Event[]): void {
    for (const event of events) {
      if (event.type === 'hello') this.trouble = '';
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

function troubleOf(thrown: unknown): 'restarting' | 'gone' | 'host' {
  // A stream that broke off and a server that is not there both fail as fetches
  // do; the engine behind a living server says so itself.
  if (thrown instanceof TypeError) return 'gone';
  return asApiError(thrown).kind === 'host' ? 'host' : 'restarting';
}
