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
  /** Registries that are asked once more. */
  again = $state.raw<string[]>([]);
  /** Somebody reads or points at the results: what comes now is added below. */
  touched = false;

  private running: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(private readonly source: Source) {}

  /** Searches when the typing pauses; the older question ends at once. */
  later(): void {
    clearTimeout(this.timer);
    this.running?.abort();
    this.timer = setTimeout(() => void this.now(), pause);
  }

  async now(): Promise<void> {
    clearTimeout(this.timer);
    this.running?.abort();
    const term = this.term.trim();
    this.asked = term;
    this.pages = [];
    this.again = [];
    this.touched = false;
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
  async retry(registry: string): Promise<void> {
    const mine = this.running ?? new AbortController();
    if (mine.signal.aborted || this.again.includes(registry)) return;
    this.again = [...this.again, registry];
    const query: SearchQuery = { term: this.asked, registry, ...(this.official ? { official: true } : {}) };
    try {
      await this.source(query, (pages) => this.take(pages, mine), mine.signal);
    } catch (thrown) {
      if (mine.signal.aborted || isAbort(thrown)) return;
      const { kind, message: msg, hint, retryAfter } = asApiError(thrown);
      this.take([{ registry, results: [], error: { kind, msg, hint, retryAfter } }], mine);
    }
    this.again = this.again.filter((host) => host !== registry);
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
    for (const page of pages) this.pages = placed(this.pages, page, this.asked, this.touched);
  }
}

/** How good a registry's answer is: 0 has the official image of that name, 5 did not answer. */
export function rankOf(page: SearchPage, term: string): number {
  if (page.error) return 5;
  if (page.results.length === 0) return 4;
  const wanted = term.toLowerCase();
  const isExact = (r: SearchResult) => lastPart(r.name) === wanted || r.name.toLowerCase() === wanted;
  if (page.results.some((r) => r.official && isExact(r))) return 0;
  if (page.results.some((r) => r.official)) return 1;
  return page.results.some(isExact) ? 2 : 3;
}

/** The pages with one more: the best first, until somebody reads; then nothing moves any more. */
export function placed(pages: SearchPage[], page: SearchPage, term: string, touched: boolean): SearchPage[] {
  const old = pages.findIndex((p) => p.registry === page.registry);
  if (old >= 0) return pages.with(old, page);
  const rank = rankOf(page, term);
  const at = touched ? -1 : pages.findIndex((p) => rankOf(p, term) > rank);
  return at < 0 ? [...pages, page] : pages.toSpliced(at, 0, page);
}

function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1).toLowerCase();
}

/** Whether what is typed can be a complete name already, with registry or tag. */
export function looksComplete(term: string): boolean {
  return /^[\w.-]+(:\d+)?(\/[\w.-]+)*((:[\w.-]+)|(@sha256:[0-9a-f]{64}))?$/i.test(term) && /[/:@]/.test(term);
}

/** Whether it is the address of a page, or another tool's way to say a name. */
export function looksLikeAddress(term: string): boolean {
  return /^(?:https?:\/\/|docker:\/\/|oci:\/\/|(?:docker|podman|davit) pull )\S+$/i.test(term.trim());
}
