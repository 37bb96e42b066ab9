import type { References } from './inline';

// Markdown's blocks, in one pass over the lines. Texts stay as they are until
// they are drawn, so that a README of a megabyte is divided in milliseconds.

export type Block =
  | { kind: 'heading'; level: number; text: string }
  | { kind: 'paragraph'; text: string }
  | { kind: 'code'; language: string; text: string }
  | { kind: 'quote'; blocks: Block[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Block[][] }
  | { kind: 'table'; head: string[]; rows: string[][] }
  | { kind: 'rule' };

export interface Document {
  blocks: Block[];
  references: References;
}

const deepest = 8;
const fence = /^ {0,3}(`{3,}|~{3,})[ \t]*([\w+#.-]*)/;
const item = /^( {0,3})([-*+]|\d{1,9}[.)])(?:[ \t]+|$)/;
const rule = /^ {0,3}(?:(?:-[ \t]*){3,}|(?:\*[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const quote = /^ {0,3}> ?/;
const heading = /^ {0,3}(#{1,6})(?=[ \t]|$)/;
const reference = /^ {0,3}\[([^\]^[]{1,200})\]:[ \t]*<?([^\s<>]{1,2000})>?/;

export function parse(source: string): Document {
  const lines = source.replaceAll('\r\n', '\n').replaceAll('\t', '    ').split('\n');
  const references: References = new Map();
  const kept: string[] = [];
  let fenced = '';
  for (const line of lines) {
    const mark = fence.exec(line)?.[1] ?? '';
    if (fenced === '') fenced = mark;
    else if (mark.startsWith(fenced)) fenced = '';
    const found = fenced === '' ? reference.exec(line) : null;
    if (found) references.set(found[1]!.toLowerCase(), found[2]!);
    else kept.push(line);
  }
  return { blocks: new Lines(kept, 0).read(), references };
}

class Lines {
  private at = 0;
  private readonly out: Block[] = [];

  constructor(
    private readonly lines: string[],
    private readonly depth: number,
  ) {}

  read(): Block[] {
    while (this.at < this.lines.length) {
      const line = this.lines[this.at]!;
      if (line.trim() === '') this.at++;
      else if (fence.test(line)) this.fenced(line);
      else if (heading.test(line)) this.heading(line);
      else if (rule.test(line)) this.one({ kind: 'rule' });
      else if (line.startsWith('    ')) this.indented();
      else if (quote.test(line) && this.depth < deepest) this.quoted();
      else if (item.test(line) && this.depth < deepest) this.list(item.exec(line)!);
      else if (this.isTable()) this.table();
      else if (line.trimStart().startsWith('<!--')) this.comment();
      else this.paragraph();
    }
    return this.out;
  }

  private one(block: Block): void {
    this.out.push(block);
    this.at++;
  }

  private fenced(line: string): void {
    const [, mark = '', language = ''] = fence.exec(line)!;
    const from = ++this.at;
    const isEnd = (l: string) => l.trimStart().startsWith(mark) && l.trim().replaceAll(mark[0]!, '') === '';
    while (this.at < this.lines.length && !isEnd(this.lines[this.at]!)) this.at++;
    this.out.push({ kind: 'code', language, text: this.lines.slice(from, this.at).join('\n') });
    this.at++;
  }

  private heading(line: string): void {
    const level = heading.exec(line)![1]!.length;
    let text = line.trim().slice(level).trim();
    let end = text.length;
    while (text[end - 1] === '#') end--;
    if (end === 0 || text[end - 1] === ' ') text = text.slice(0, end).trimEnd();
    this.one({ kind: 'heading', level, text });
  }

  private indented(): void {
    const from = this.at;
    while (this.at < this.lines.length && (this.lines[this.at]!.startsWith('    ') || this.lines[this.at]!.trim() === '')) this.at++;
    const text = this.lines.slice(from, this.at).map((l) => l.slice(4));
    this.out.push({ kind: 'code', language: '', text: text.join('\n').trimEnd() });
  }

  private quoted(): void {
    const inner: string[] = [];
    while (this.at < this.lines.length && quote.test(this.lines[this.at]!)) inner.push(this.lines[this.at++]!.replace(quote, ''));
    this.out.push({ kind: 'quote', blocks: new Lines(inner, this.depth + 1).read() });
  }

  private list(first: RegExpExecArray): void {
    const ordered = /\d/.test(first[2]!);
    const items: Block[][] = [];
    const start = ordered ? parseInt(first[2]!, 10) : 1;
    while (this.at < this.lines.length) {
      const mark = item.exec(this.lines[this.at]!);
      if (!mark || /\d/.test(mark[2]!) !== ordered || rule.test(this.lines[this.at]!)) break;
      items.push(new Lines(this.item(mark), this.depth + 1).read());
    }
    this.out.push({ kind: 'list', ordered, start, items });
  }

  /** The lines of one item, without its mark and indentation. */
  private item(mark: RegExpExecArray): string[] {
    const inset = Math.min(mark[0].length, mark[1]!.length + mark[2]!.length + 4) || 2;
    const inner = [this.lines[this.at++]!.slice(mark[0].length)];
    let blank = false;
    while (this.at < this.lines.length) {
      const line = this.lines[this.at]!;
      const indent = line.length - line.trimStart().length;
      const empty = line.trim() === '';
      const own = empty || indent >= inset || (indent > 1 && item.test(line.slice(2)));
      if (!own && (blank || this.starts(line))) break;
      inner.push(own ? line.slice(Math.min(indent, inset)) : line);
      blank = empty;
      this.at++;
    }
    return inner;
  }

  /** Whether a line begins something other than more of a paragraph. */
  private starts(line: string): boolean {
    return fence.test(line) || heading.test(line) || rule.test(line) || quote.test(line) || item.test(line);
  }

  private isTable(): boolean {
    const next = this.lines[this.at + 1] ?? '';
    if (!this.lines[this.at]!.includes('|') || !next.includes('-')) return false;
    const rows = cells(next);
    return rows.length > 0 && rows.every((c) => /^:?-+:?$/.test(c)) && cells(this.lines[this.at]!).length === rows.length;
  }

  private table(): void {
    const head = cells(this.lines[this.at]!);
    const rows: string[][] = [];
    this.at += 2;
    while (this.at < this.lines.length && this.lines[this.at]!.includes('|')) {
      const row = cells(this.lines[this.at++]!);
      rows.push(head.map((_, column) => row[column] ?? ''));
    }
    this.out.push({ kind: 'table', head, rows });
  }

  private comment(): void {
    while (this.at < this.lines.length && !this.lines[this.at]!.includes('-->')) this.at++;
    this.at++;
  }

  private paragraph(): void {
    const from = this.at++;
    while (this.at < this.lines.length) {
      const line = this.lines[this.at]!;
      if (/^ {0,3}(?:=+|-+) *$/.test(line)) {
        const text = this.lines.slice(from, this.at).join('\n').trim();
        return this.one({ kind: 'heading', level: line.includes('=') ? 1 : 2, text });
      }
      // A number in the middle of a sentence begins no list.
      if (line.trim() === '' || (this.starts(line) && !/^ {0,3}(?!1[.)])\d/.test(line))) break;
      this.at++;
    }
    const text = this.lines.slice(from, this.at).map((l) => l.trimStart()).join('\n').trimEnd();
    this.out.push({ kind: 'paragraph', text });
  }
}

function cells(line: string): string[] {
  const trimmed = line.trim().replace(/^\|/, '').replace(/\|$/, '');
  return trimmed.split(/(?<!\\)\|/).map((cell) => cell.trim().replaceAll('\\|', '|'));
}
