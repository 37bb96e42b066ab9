// A log line byte by byte: what is not seen is shown by its sign.
import type { Span } from './ansi';

const plainSpan: Omit<Span, 'text'> = { fg: -1, bg: -1, bold: false, dim: false, italic: false, underline: false, inverse: false };
const unseen = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** The line in spans, control characters as the signs that Unicode has for them. */
export function rawSpans(line: string): Span[] {
  const out: Span[] = [];
  let from = 0;
  for (const match of line.matchAll(unseen)) {
    if (match.index > from) out.push({ ...plainSpan, text: line.slice(from, match.index) });
    out.push({ ...plainSpan, fg: 5, text: sign(match[0].charCodeAt(0)) });
    from = match.index + 1;
  }
  if (from < line.length || out.length === 0) out.push({ ...plainSpan, text: line.slice(from) });
  return out;
}

function sign(code: number): string {
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '\u2421' : `<${code.toString(16)}>`;
}
