import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import type { SearchPage, SearchQuery, SearchResult } from '$lib/api/types';

export type Source = (q: SearchQuery, sink: (pages: SearchPage[]) => void, signal: AbortSignal) => Promise<void>;

const pause = 250;

/** One search over all registries: a newer question ends the older one. */
export class SearchModel {
  term = $state('');
  official = $state(false);
  /** The term that pages answer. */
  asked = $state('');
  pages = $state.raw<SearchPage[]>([]);
  busy = $state(false);
  error = $state.raw<ApiError>();

  private running: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly source: Source) {}

  /** Searches when the typing pauses. */
  later(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.now(), pause);
  }

  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.running?.abort();
    const term = this.term.trim();
    this.asked = term;
    this.pages = [];
    this.error = undefined;
    this.busy = term !== '';
    if (term === '') return;
    const mine = (this.running = new AbortController());
    try {
      const query: SearchQuery = this.official ? { term, official: true } : { term };
      await this.source(query, (pages) => this.take(pages, mine), mine.signal);
    } catch (thrown) {
      if (mine.signal.aborted || isAbort(thrown)) return;
      this.error = asApiError(thrown);
    }
    if (!mine.signal.aborted) this.busy = false;
  }

  /** Asks one registry again, the one that did not answer. */
  async again(registry: string): Promise<void> {
    const mine = this.running ?? new AbortController();
    this.pages = this.pages.filter((page) => page.registry !== registry);
    this.busy = true;
    try {
      await this.source({ term: this.asked, registry }, (pages) => this.take(pages, mine), mine.signal);
    } catch (thrown) {
      if (isAbort(thrown)) return;
      const { kind, message: msg, hint } = asApiError(thrown);
      this.take([{ registry, results: [], error: { kind, msg, hint } }], mine);
    }
    this.busy = false;
  }

  close(): void {
    clearTimeout(this.timer);
    this.running?.abort();
  }

  get results(): SearchResult[] {
    return this.pages.flatMap((page) => page.results);
  }

  private take(pages: SearchPage[], mine: AbortController): void {
    if (mine.signal.aborted) return;
    this.pages = [...this.pages, ...pages];
  }
}

/** Whether what is typed can be a complete name already, with registry or tag. */
export function looksComplete(term: string): boolean {
  return /^[\w.-]+(:\d+)?(\/[\w.-]+)*((:[\w.-]+)|(@sha256:[0-9a-f]{64}))?$/i.test(term) && /[/:@]/.test(term);
}
