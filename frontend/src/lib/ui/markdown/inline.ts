// Inline markdown as a tree of plain values: nothing in it is markup, and only
// http(s) addresses become links. One pass; what could make it quadratic is
// remembered (a marker that has no end has none later either) or bounded.

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'code'; text: string }
  | { kind: 'break' }
  | { kind: 'image'; alt: string; href: string }
  | { kind: 'strong' | 'em' | 'del'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] };

/** Addresses by their names: "[name]: https://…", names in lower case. */
export type References = Map<string, string>;

const deepest = 6;
const longestLabel = 1000;
const marks: [string, 'strong' | 'em' | 'del'][] = [
  ['**', 'strong'],
  ['__', 'strong'],
  ['~~', 'del'],
  ['*', 'em'],
  ['_', 'em'],
];
// What HTML calls these is left out; other words in angles are what the author wrote.
const tag =
  /<(\/?)(a|abbr|b|blockquote|br|center|code|del|details|div|em|font|h[1-6]|hr|i|img|ins|kbd|li|ol|p|picture|pre|q|s|samp|small|source|span|strong|sub|summary|sup|table|tbody|td|th|thead|tr|tt|u|ul|video)(?=[\s/>])([^<>]{0,2000})>/iy;
const address = /https?:\/\/[^\s<>"'`\]]{1,2000}/iy;
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0', copy: '©', reg: '®', trade: '™', mdash: '—', ndash: '–', hellip: '…' };

export function parseInline(source: string, references: References = new Map(), depth = 0): Inline[] {
  return new Reader(source, references, depth).read();
}

/** An address that may be followed; else "". */
export function safeAddress(href: string): string {
  const trimmed = href.trim();
  return /^https?:\/\/[^\s]+$/i.test(trimmed) ? trimmed : '';
}

class Reader {
  private at = 0;
  private plain = '';
  private readonly out: Inline[] = [];
  private readonly hopeless = new Set<string>();
  private ticks: Map<number, Runs> | undefined;
  private brackets: Map<number, number> | undefined;

  constructor(
    private readonly s: string,
    private readonly references: References,
    private readonly depth: number,
  ) {}

  read(): Inline[] {
    while (this.at < this.s.length) {
      if (!this.special(this.s[this.at]!)) this.plain += this.s[this.at++];
    }
    this.flush();
    return this.out;
  }

  private special(c: string): boolean {
    switch (c) {
      case '\\':
        return this.escape();
      case '`':
        return this.code();
      case '!':
        return this.s[this.at + 1] === '[' && this.link(true);
      case '[':
        return this.link(false);
      case '<':
        return this.angle();
      case '&':
        return this.entity();
      case 'h':
      case 'H':
        return this.bare();
      case '\n':
        return this.lineEnd();
      default:
        return (c === '*' || c === '_' || c === '~') && this.emphasis();
    }
  }

  private push(node: Inline, to: number): true {
    this.flush();
    this.out.push(node);
    this.at = to;
    return true;
  }

  private flush(): void {
    if (this.plain !== '') this.out.push({ kind: 'text', text: this.plain });
    this.plain = '';
  }

  private children(text: string): Inline[] {
    return this.depth >= deepest ? [{ kind: 'text', text }] : parseInline(text, this.references, this.depth + 1);
  }

  private escape(): boolean {
    const next = this.s[this.at + 1] ?? '';
    if (!/[!-/:-@[-`{-~]/.test(next)) return false;
    this.plain += next;
    this.at += 2;
    return true;
  }

  private lineEnd(): boolean {
    const hard = this.plain.endsWith('  ');
    this.plain = hard ? this.plain.trimEnd() : `${this.plain.trimEnd()} `;
    if (hard) return this.push({ kind: 'break' }, this.at + 1);
    this.at++;
    return true;
  }

  private code(): boolean {
    let run = 1;
    while (this.s[this.at + run] === '`') run++;
    const end = this.nextTicks(run, this.at + run);
    if (end < 0) {
      this.plain += '`'.repeat(run);
      this.at += run;
      return true;
    }
    const text = this.s.slice(this.at + run, end).replaceAll('\n', ' ');
    const inner = text.trim() !== '' && text.startsWith(' ') && text.endsWith(' ') ? text.slice(1, -1) : text;
    return this.push({ kind: 'code', text: inner }, end + run);
  }

  /** Where the next run of just so many ticks begins; -1: nowhere. */
  private nextTicks(run: number, from: number): number {
    this.ticks ??= tickRuns(this.s);
    const runs = this.ticks.get(run);
    if (!runs) return -1;
    // Asked for in their order, so what lies behind is never looked at again.
    while (runs.next < runs.at.length && runs.at[runs.next]! < from) runs.next++;
    return runs.at[runs.next] ?? -1;
  }

  private emphasis(): boolean {
    for (const [mark, kind] of marks) {
      if (!this.s.startsWith(mark, this.at) || this.hopeless.has(mark)) continue;
      const from = this.at + mark.length;
      // A word_with_lines is no emphasis, and no mark stands before a space.
      if (mark[0] === '_' && /\w/.test(this.s[this.at - 1] ?? ' ')) continue;
      if (/\s/.test(this.s[from] ?? ' ')) continue;
      const end = this.closing(mark, from);
      if (end < 0) continue;
      return this.push({ kind, children: this.children(this.s.slice(from, end)) }, end + mark.length);
    }
    return false;
  }

  private closing(mark: string, from: number): number {
    for (let end = this.s.indexOf(mark, from + 1), tries = 0; end >= 0 && tries < 20; tries++) {
      const single = mark.length === 1 && (this.s[end + 1] === mark || this.s[end - 1] === mark);
      const inWord = mark[0] === '_' && /\w/.test(this.s[end + mark.length] ?? ' ');
      if (!single && !inWord && !/\s/.test(this.s[end - 1]!)) return end;
      end = this.s.indexOf(mark, end + (single ? 2 : 1));
      if (end < 0) break;
    }
    this.hopeless.add(mark);
    return -1;
  }

  private link(image: boolean): boolean {
    const open = this.at + (image ? 1 : 0);
    const close = this.closingBracket(open);
    if (close < 0) return false;
    const label = this.s.slice(open + 1, close);
    const target = this.target(close + 1, label);
    if (!target) return false;
    const href = safeAddress(target.href);
    if (image) return this.push({ kind: 'image', alt: plainText(parseInline(label, this.references, deepest)), href }, target.end);
    const children = this.children(label);
    if (href) return this.push({ kind: 'link', href, children }, target.end);
    this.flush();
    this.out.push(...children);
    this.at = target.end;
    return true;
  }

  /** The bracket that closes the one at open, all found in one go. */
  private closingBracket(open: number): number {
    this.brackets ??= pairs(this.s);
    const close = this.brackets.get(open) ?? -1;
    return close - open > longestLabel ? -1 : close;
  }

  /** What follows a label: (address "title"), [name], or nothing where the label is a name. */
  private target(at: number, label: string): { href: string; end: number } | undefined {
    if (this.s[at] === '(') {
      const end = this.s.indexOf(')', at);
      if (end < 0 || end - at > 4000) return undefined;
      // Addresses may hold one pair of parentheses.
      const inner = this.s.slice(at + 1, end);
      const whole = inner.includes('(') && this.s[end + 1] === ')' ? end + 1 : end;
      const href = this.s.slice(at + 1, whole).trim().replace(/^<([^<>]*)>/, '$1').split(/\s/, 1)[0] ?? '';
      return { href, end: whole + 1 };
    }
    let name = label;
    let end = at;
    if (this.s[at] === '[') {
      const close = this.s.indexOf(']', at);
      if (close < 0 || close - at > longestLabel) return undefined;
      name = this.s.slice(at + 1, close) || label;
      end = close + 1;
    }
    const href = this.references.get(name.toLowerCase());
    return href === undefined ? undefined : { href, end };
  }

  private angle(): boolean {
    const auto = /<(https?:\/\/[^\s<>]{1,2000})>/iy;
    auto.lastIndex = this.at;
    const link = auto.exec(this.s);
    if (link) return this.push({ kind: 'link', href: link[1]!, children: [{ kind: 'text', text: link[1]! }] }, auto.lastIndex);
    if (this.s.startsWith('<!--', this.at)) {
      const end = this.s.indexOf('-->', this.at);
      this.at = end < 0 ? this.s.length : end + 3;
      return true;
    }
    tag.lastIndex = this.at;
    const found = tag.exec(this.s);
    if (!found) return false;
    const name = found[2]!.toLowerCase();
    if (name === 'br') return this.push({ kind: 'break' }, tag.lastIndex);
    if (name === 'img') return this.push({ kind: 'image', alt: attribute(found[3]!, 'alt'), href: safeAddress(attribute(found[3]!, 'src')) }, tag.lastIndex);
    this.at = tag.lastIndex;
    return true;
  }

  private entity(): boolean {
    const entity = /&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([a-zA-Z]{2,8}));/y;
    entity.lastIndex = this.at;
    const found = entity.exec(this.s);
    if (!found) return false;
    const code = found[1] ? Number(found[1]) : found[2] ? parseInt(found[2], 16) : 0;
    const text = found[3] ? entities[found[3]] : code > 31 && code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
    if (text === undefined) return false;
    this.plain += text;
    this.at = entity.lastIndex;
    return true;
  }

  private bare(): boolean {
    if (/\w/.test(this.s[this.at - 1] ?? ' ')) return false;
    address.lastIndex = this.at;
    const found = address.exec(this.s);
    if (!found) return false;
    const href = found[0].replace(/[.,;:!?*_)]{1,20}$/, '');
    return this.push({ kind: 'link', href, children: [{ kind: 'text', text: href }] }, this.at + href.length);
  }
}

interface Runs {
  at: number[];
  next: number;
}

function tickRuns(s: string): Map<number, Runs> {
  const all = new Map<number, Runs>();
  for (const found of s.matchAll(/`+/g)) {
    const runs = all.get(found[0].length) ?? { at: [], next: 0 };
    runs.at.push(found.index);
    all.set(found[0].length, runs);
  }
  return all;
}

function pairs(s: string): Map<number, number> {
  const open: number[] = [];
  const found = new Map<number, number>();
  for (let i = 0; i < s.length; i++) {
    const c = s[i];
    if (c === '\\') i++;
    else if (c === '[') open.push(i);
    else if (c === ']' && open.length > 0) found.set(open.pop()!, i);
  }
  return found;
}

function attribute(text: string, name: string): string {
  const found = new RegExp(`\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(text);
  return found ? (found[1] ?? found[2] ?? found[3] ?? '') : '';
}

/** What is left without any form. */
export function plainText(nodes: Inline[]): string {
  return nodes
    .map((n) => ('text' in n ? n.text : 'children' in n ? plainText(n.children) : n.kind === 'image' ? n.alt : ' '))
    .join('');
}
