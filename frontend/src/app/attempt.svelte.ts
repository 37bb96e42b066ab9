import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import { sentences } from '$lib/format/sentences';

/** What a dialog asked for: whether it is under way, and how the last try failed. */
export class Attempt {
  busy = $state(false);
  error = $state.raw<ApiError>();

  /** Why it failed and what to do, to stand beside a field; empty: it did not. */
  get text(): string {
    return this.error ? sentences(this.error.message, this.error.hint) : '';
  }

  /** Tries; says whether it worked. What was called off by the person failed without an error. */
  async run(work: () => Promise<unknown>): Promise<boolean> {
    this.busy = true;
    this.error = undefined;
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!isAbort(thrown)) this.error = asApiError(thrown);
      return false;
    } finally {
      this.busy = false;
    }
  }
}
