import type { LogLine, LogQuery } from '$lib/api/types';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import { plain } from './ansi';

export type Stream = 'all' | 'stdout' | 'stderr';
export type Level = '' | 'debug' | 'info' | 'warn' | 'error' | 'fatal';
export type Source = (q: LogQuery, sink: (lines: LogLine[]) => void, signal: AbortSignal) => Promise<void>;

export interface Line {
  time: string;
  stream: string;
  text: string;
  level: string;
  /** Whose line it is, where several containers are shown. */
  container: string;
  cursor: string;
}

/** How many lines are asked for at once, and how many are held: the log has the rest. */
export const page = 1000;
const most = 40_000;
/** So many of the newest matches can be gone through; the log may have more. */
export const mostHits = 5000;

/** The part of a log that is read: what is around the place that is looked at. */
export class LogModel {
  lines: Line[] = [];
  /** Moves on with every change of lines. */
  version = $state(0);
  /** How many lines came before the first since all lines were others; those taken away there count against it. */
  moved = 0;
  /** Moves on when all lines are others. */
  made = 0;
  phase = $state<'loading' | 'live' | 'ended' | 'failed'>('loading');
  error = $state.raw<ApiError>();
  /** The log has lines before, or after, those that are here. */
  older = $state(false);
  newer = $state(false);
  query = $state('');
  only = $state(false);
  stream = $state<Stream>('all');
  level = $state<Level>('');
  /** The lines with the query in the whole log; the newest of very many. */
  hits = $state.raw<string[]>([]);
  searching = $state(false);

  private asked: AbortController | undefined;
  private sought: AbortController | undefined;
  private waiting: LogLine[] = [];
  private scheduled = false;
  private joining = false;
  private paging = false;
  /** So many lines of those that were asked for at first have not come yet. */
  private wanting = 0;

  constructor(
    private readonly source: Source,
    private readonly frame: (work: () => void) => void = (work) => requestAnimationFrame(work),
  ) {}

  get count(): number {
    return this.lines.length;
  }

  /** What is asked for besides the place. */
  get chosen(): LogQuery {
    const q: LogQuery = { cursors: true, levels: true };
    if (this.stream !== 'all') q.stream = this.stream;
    if (this.level) q.level = this.level;
    if (this.only && this.query) q.search = this.query;
    return q;
  }

  /** Reads the newest lines and goes on. */
  async open(): Promise<void> {
    this.reset();
    this.wanting = page;
    await this.follow({ tail: page });
  }

  /** Reads from a moment on; "": from the beginning. */
  async openAt(since: string): Promise<void> {
    this.reset();
    await this.around(async (get) => {
      const after = await get(since ? { since, limit: page } : { limit: page });
      const first = after[0]?.cursor;
      const before = since ? await get(first ? { before: first, tail: page } : { tail: page }) : [];
      return { before, after };
    });
  }

  /** Reads what is around a line. */
  async openAround(cursor: string): Promise<void> {
    this.reset();
    await this.around(async (get) => {
      const before = await get({ before: cursor, tail: page });
      const last = before.at(-1)?.cursor;
      return { before, after: await get(last ? { after: last, limit: page } : { limit: page }) };
    });
  }

  /** Other lines are wanted, around the one that is looked at; undefined: the newest. */
  reopen(at: string | undefined): Promise<void> {
    return at ? this.openAround(at) : this.open();
  }

  /** Goes on where the log broke off, or after the container was started again. */
  async resume(): Promise<void> {
    const last = this.lines.at(-1);
    if (!last) return this.open();
    if (!this.newer) await this.follow({ after: last.cursor });
  }

  close(): void {
    this.asked?.abort();
    this.sought?.abort();
  }

  private begin(): AbortController {
    this.asked?.abort();
    this.asked = new AbortController();
    this.error = undefined;
    return this.asked;
  }

  private async follow(q: LogQuery): Promise<void> {
    const asked = this.begin();
    if (this.phase === 'failed') this.phase = this.lines.length > 0 ? 'live' : 'loading';
    try {
      await this.source({ ...this.chosen, ...q, follow: true }, (lines) => this.take(lines), asked.signal);
      this.finish(asked, 'ended');
    } catch (thrown) {
      this.fail(asked, thrown);
    }
  }

  private async around(read: (get: (q: LogQuery) => Promise<LogLine[]>) => Promise<{ before: LogLine[]; after: LogLine[] }>): Promise<void> {
    const asked = this.begin();
    try {
      const { before, after } = await read((q) => this.get(q, asked.signal));
      if (asked.signal.aborted) return;
      for (const line of [...before, ...after]) this.add(line);
      this.older = before.length >= page;
      this.newer = after.length >= page;
      this.phase = 'live';
      this.version++;
      if (!this.newer) await this.resume();
    } catch (thrown) {
      this.fail(asked, thrown);
    }
  }

  private async get(q: LogQuery, signal: AbortSignal): Promise<LogLine[]> {
    const got: LogLine[] = [];
    await this.source({ ...this.chosen, ...q }, (lines) => void got.push(...lines), signal);
    return got;
  }

  /** Reads the lines before the first, or after the last. */
  async more(where: 'older' | 'newer'): Promise<void> {
    const [first, last] = [this.lines[0], this.lines.at(-1)];
    const asked = this.asked;
    if (this.paging || !this[where] || !first || !last || !asked || asked.signal.aborted) return;
    this.paging = true;
    try {
      const q = where === 'older' ? { before: first.cursor, tail: page } : { after: last.cursor, limit: page };
      const got = await this.get(q, asked.signal);
      if (this.asked !== asked) return;
      if (where === 'older') this.putBefore(got);
      else this.putAfter(got);
      this.version++;
      if (where === 'newer' && !this.newer) void this.resume();
    } catch (thrown) {
      this.fail(asked, thrown);
    } finally {
      this.paging = false;
    }
  }

  private putBefore(got: LogLine[]): void {
    this.older = got.length >= page;
    const { lines: rest, joining } = this;
    this.lines = [];
    this.joining = false;
    for (const line of got) this.add(line);
    this.joining = joining;
    this.moved += this.lines.length;
    this.lines.push(...rest);
    if (this.lines.length <= most) return;
    this.lines.length = most;
    this.newer = true;
    this.begin(); // nothing comes where there is a gap
  }

  private putAfter(got: LogLine[]): void {
    this.newer = got.length >= page;
    for (const line of got) this.add(line);
    this.shed();
  }

  private shed(): void {
    const many = this.lines.length - most;
    if (many <= 0) return;
    this.lines.splice(0, many);
    this.moved -= many;
    this.older = true;
  }

  private finish(asked: AbortController, phase: 'ended' | 'failed'): void {
    if (asked.signal.aborted) return;
    this.flush();
    this.phase = phase;
  }

  private fail(asked: AbortController, thrown: unknown): void {
    if (asked.signal.aborted || isAbort(thrown)) return;
    this.error = asApiError(thrown);
    this.finish(asked, 'failed');
  }

  private take(lines: LogLine[]): void {
    this.waiting.push(...lines);
    if (this.scheduled) return;
    this.scheduled = true;
    this.frame(() => {
      this.scheduled = false;
      this.flush();
    });
  }

  /** Takes over what arrived since the last frame. */
  flush(): void {
    const first = this.phase === 'loading';
    if (first) this.phase = 'live';
    const fresh = this.waiting;
    if (fresh.length === 0) return;
    this.waiting = [];
    const from = this.lines.length;
    for (const line of fresh) this.add(line);
    // As many lines as were asked for: there may be older ones.
    if (this.wanting > 0 && (this.wanting -= fresh.length) <= 0) this.older = true;
    if (!first) this.find(from);
    this.shed();
    this.version++;
  }

  private add(line: LogLine): void {
    const last = this.lines.at(-1);
    if (this.joining && last && last.stream === line.stream && last.container === (line.container ?? '')) last.text += line.text;
    else this.lines.push(lineOf(line));
    // Parts of one line; bounded, so that a line without end stays in memory's bounds.
    this.joining = line.partial === true && (this.lines.at(-1)?.text.length ?? 0) < 1 << 20;
  }

  /** New lines may have the query, too. */
  private find(from: number): void {
    const wanted = this.query.toLowerCase();
    if (!wanted || this.searching) return;
    const found = this.lines.slice(from).filter((line) => plain(line.text).toLowerCase().includes(wanted));
    if (found.length > 0) this.hits = [...this.hits, ...found.map((line) => line.cursor)].slice(-mostHits);
  }

  /** Looks for text in the whole log. */
  async search(query: string): Promise<void> {
    this.query = query;
    this.sought?.abort();
    const sought = (this.sought = new AbortController());
    this.hits = [];
    this.searching = query !== '';
    if (!query) return;
    const q = { ...this.chosen, search: query, tail: mostHits };
    const got: string[] = [];
    try {
      await this.source(q, (lines) => void got.push(...lines.map((line) => line.cursor ?? '')), sought.signal);
    } catch (thrown) {
      if (sought.signal.aborted || isAbort(thrown)) return;
      this.error = asApiError(thrown);
    }
    if (sought.signal.aborted) return;
    this.hits = got;
    this.searching = false;
  }

  private reset(): void {
    this.asked?.abort();
    this.lines = [];
    this.waiting = [];
    this.joining = false;
    this.moved = 0;
    this.made++;
    this.older = this.newer = false;
    this.wanting = 0;
    this.phase = 'loading';
    this.error = undefined;
    this.version++;
  }

  /** The number of a line that is here, or -1. */
  indexOf(cursor: string): number {
    return this.lines.findIndex((line) => line.cursor === cursor);
  }

  /** What is here, as text. */
  text(): string {
    return this.lines.map((line) => textOf(line)).join('');
  }
}

function lineOf(l: LogLine): Line {
  return { time: l.time, stream: l.stream, text: l.text, level: l.level ?? '', container: l.container ?? '', cursor: l.cursor ?? '' };
}

function textOf(line: Line): string {
  return `${line.container ? `${line.container} | ` : ''}${plain(line.text)}\n`;
}
