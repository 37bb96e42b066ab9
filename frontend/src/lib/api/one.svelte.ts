import { asApiError, isAbort, SignedOut, type ApiError } from './errors';

/** One thing that is read again when it changed; a newer question ends the older. */
export class One<T> {
  value = $state.raw<T>();
  error = $state.raw<ApiError>();
  private asked: AbortController | undefined;

  /** What is read may give its beginning to show before it has all of it. */
  constructor(private readonly read: (signal: AbortSignal, show: (begun: T) => void) => Promise<T>) {}

  async load(): Promise<void> {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    try {
      const value = await this.read(asked.signal, (begun) => {
        if (!asked.signal.aborted && this.value === undefined) this.value = begun;
      });
      if (asked.signal.aborted) return;
      this.value = value;
      this.error = undefined;
    } catch (thrown) {
      if (asked.signal.aborted || isAbort(thrown) || thrown instanceof SignedOut) return;
      this.error = asApiError(thrown);
    }
  }

  close(): void {
    this.asked?.abort();
  }
}
