import type { LogLine, LogQuery } from '$lib/api/types';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import { plain } from './ansi';

export type Stream = 'all' | 'stdout' | 'stderr';
export type Source = (q: LogQuery, sink: (lines: LogLine[]) => void, signal: AbortSignal) => Promise<void>;

export interface Line {
  time: string;
  stream: string;
  text: string;
}

export const firstTail = 20_000;
const most = 500_000;
const letGo = 50_000;
const slice = 20_000;

/** The lines of a log as far as they were read, and which of them are shown. */
export class LogModel {
  lines: Line[] = [];
  /** Moves on with every change of lines or of what is shown. */
  version = $state(0);
  /** Numbers of the lines that are shown; undefined: all. */
  shown: number[] | undefined;
  /** Numbers of the lines that contain the query. */
  hits: number[] = [];
  /** How many lines were let go at the front to bound memory. */
  dropped = $state(0);
  phase = $state<'loading' | 'live' | 'ended' | 'failed'>('loading');
  error = $state.raw<ApiError>();
  /** Older lines exist that were not asked for. */
  tailed = $state(false);

  /** The moment from which on it was read; "": not by time. */
  since = $state('');

  query = $state('');
  only = $state(false);
  stream = $state<Stream>('all');

  private asked: AbortController | undefined;
  private waiting: LogLine[] = [];
  private scheduled = false;
  private joining = false;
  private whole = false;
  private scan = 0;

  constructor(
    private readonly source: Source,
    private readonly frame: (work: () => void) => void = (work) => requestAnimationFrame(work),
  ) {}

  get count(): number {
    return this.shown ? this.shown.length : this.lines.length;
  }

  /** The line in row n of what is shown, and its number. */
  at(row: number): { line: Line; number: number } | undefined {
    const number = this.shown ? this.shown[row] : row;
    const line = number === undefined ? undefined : this.lines[number];
    return line && { line, number: number! };
  }

  /** Reads from the end and goes on; all: from the beginning. */
  async open(all = false): Promise<void> {
    this.reset();
    this.whole = all;
    await this.read(all ? { follow: true } : { follow: true, tail: firstTail });
  }

  /** Reads from a moment on. */
  async openAt(since: string): Promise<void> {
    this.reset();
    this.since = since;
    await this.read({ follow: true, since }, false);
  }

  /** Goes on after the container was started again. */
  async resume(): Promise<void> {
    const since = this.lines.at(-1)?.time;
    await this.read(since ? { follow: true, since } : { follow: true });
  }

  close(): void {
    this.asked?.abort();
    this.scan++;
  }

  private async read(q: LogQuery, resumed = q.since !== undefined): Promise<void> {
    this.asked?.abort();
    const asked = (this.asked = new AbortController());
    const after = resumed && q.since ? Date.parse(q.since) : -Infinity;
    const last = this.lines.at(-1)?.time;
    this.error = undefined;
    if (this.phase === 'failed') this.phase = this.lines.length > 0 ? 'live' : 'loading';
    try {
      await this.source(q, (lines) => this.take(resumed ? lines.filter((l) => later(l.time, after, last)) : lines), asked.signal);
      this.finish(asked, 'ended');
    } catch (thrown) {
      if (asked.signal.aborted || isAbort(thrown)) return;
      this.error = asApiError(thrown);
      this.finish(asked, 'failed');
    }
  }

  private finish(asked: AbortController, phase: 'ended' | 'failed'): void {
    if (asked.signal.aborted) return;
    this.flush();
    this.phase = phase;
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
    if (this.phase === 'loading') this.phase = 'live';
    const fresh = this.waiting;
    if (fresh.length === 0) return;
    this.waiting = [];
    const from = this.lines.length;
    for (const line of fresh) this.add(line);
    // As many lines as were asked for: there may be older ones.
    if (!this.whole && from < firstTail && this.lines.length >= firstTail) this.tailed = true;
    if (this.lines.length > most) this.shed();
    else this.sift(from, this.lines.length);
    this.version++;
  }

  private add(line: LogLine): void {
    const last = this.lines.at(-1);
    if (this.joining && last) last.text += line.text;
    else this.lines.push({ time: line.time, stream: line.stream, text: line.text });
    // Parts of one line; bounded, so that a line without end stays in memory's bounds.
    this.joining = line.partial === true && (this.lines.at(-1)?.text.length ?? 0) < 1 << 20;
  }

  private shed(): void {
    this.lines.splice(0, letGo);
    this.dropped += letGo;
    this.refilter();
  }

  setQuery(query: string): void {
    this.query = query;
    this.refilter();
  }

  setOnly(only: boolean): void {
    this.only = only;
    this.refilter();
  }

  setStream(stream: Stream): void {
    this.stream = stream;
    this.refilter();
  }

  /** Sifts all lines anew, a slice at a time so that keys stay answered. */
  refilter(): void {
    const scan = ++this.scan;
    const sifted = this.stream !== 'all' || (this.only && this.query !== '');
    this.hits = [];
    this.shown = sifted ? [] : undefined;
    const step = (from: number) => {
      if (scan !== this.scan) return;
      const until = Math.min(from + slice, this.lines.length);
      this.siftPlain(from, until);
      this.version++;
      if (until < this.lines.length) this.frame(() => step(until));
      this.sifted = until;
    };
    this.sifted = 0;
    step(0);
  }

  // Lines up to here were sifted; while a scan is under way it will reach the newer ones itself.
  private sifted = 0;

  private sift(from: number, until: number): void {
    if (this.sifted < from) return;
    this.siftPlain(from, until);
    this.sifted = until;
  }

  private siftPlain(from: number, until: number): void {
    const wanted = this.query.toLowerCase();
    for (let n = from; n < until; n++) {
      const line = this.lines[n]!;
      if (this.stream !== 'all' && line.stream !== this.stream) continue;
      const hit = wanted !== '' && plain(line.text).toLowerCase().includes(wanted);
      if (hit) this.hits.push(n);
      if (this.shown && (hit || !this.only || wanted === '')) this.shown.push(n);
    }
  }

  private reset(): void {
    this.asked?.abort();
    this.scan++;
    this.lines = [];
    this.waiting = [];
    this.hits = [];
    this.shown = this.shown ? [] : undefined;
    this.sifted = 0;
    this.dropped = 0;
    this.tailed = false;
    this.since = '';
    this.phase = 'loading';
    this.error = undefined;
    this.version++;
  }

  /** What is shown, as text. */
  text(): string {
    const out: string[] = [];
    for (let row = 0; row < this.count; row++) out.push(plain(this.at(row)!.line.text));
    return out.join('\n') + (out.length > 0 ? '\n' : '');
  }
}

// Times are RFC 3339 with up to nine digits, of which Date keeps three.
function later(time: string, after: number, last: string | undefined): boolean {
  const at = Date.parse(time);
  if (at !== after || last === undefined) return at > after;
  return fraction(time) > fraction(last);
}

function fraction(time: string): number {
  return Number(/\.(\d+)/.exec(time)?.[1]?.padEnd(9, '0') ?? 0);
}
