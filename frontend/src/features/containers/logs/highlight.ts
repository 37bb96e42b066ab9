import type { Span } from './ansi';

export interface Piece extends Span {
  hit: boolean;
}

/** Cuts spans where the query is found, also across the borders of colours. */
export function highlight(spans: Span[], query: string): Piece[] {
  const wanted = query.toLowerCase();
  if (wanted === '') return spans.map((span) => ({ ...span, hit: false }));
  const whole = spans.map((span) => span.text).join('').toLowerCase();
  const cuts = ranges(whole, wanted);
  const out: Piece[] = [];
  let start = 0;
  for (const span of spans) {
    const end = start + span.text.length;
    let at = start;
    for (const [from, until] of cuts) {
      if (until <= at || from >= end) continue;
      if (from > at) out.push({ ...span, text: span.text.slice(at - start, from - start), hit: false });
      const stop = Math.min(until, end);
      out.push({ ...span, text: span.text.slice(Math.max(at, from) - start, stop - start), hit: true });
      at = stop;
    }
    if (at < end) out.push({ ...span, text: span.text.slice(at - start), hit: false });
    start = end;
  }
  return out;
}

function ranges(text: string, wanted: string): [number, number][] {
  const found: [number, number][] = [];
  for (let at = text.indexOf(wanted); at >= 0 && found.length < 500; at = text.indexOf(wanted, at + wanted.length)) {
    found.push([at, at + wanted.length]);
  }
  return found;
}
