// A log line that is a JSON object, as one reads it: what it says first, then
// what else it has.
import type { Span } from './ansi';

const quiet: Span = { text: '', fg: -1, bg: -1, bold: false, dim: false, italic: false, underline: false, inverse: false };

const said = ['msg', 'message', 'Message', '@message', '@m', 'event', 'text', 'log'];
/** Shown beside the line already. */
const beside = new Set(['time', 'ts', 'timestamp', '@timestamp', '@t', 'level', 'lvl', 'severity', 'levelname', '@level', 'loglevel']);

/** The object that the line is, if it is one. */
export function objectOf(line: string): Record<string, unknown> | undefined {
  const text = line.trim();
  if (!text.startsWith('{') || !text.endsWith('}')) return undefined;
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** An object in spans: its message, then its members, their names faint. */
export function fields(object: Record<string, unknown>): Span[] {
  const key = said.find((name) => typeof object[name] === 'string');
  const out: Span[] = key ? [{ ...quiet, text: `${flat(object[key] as string)} ` }] : [];
  for (const [name, value] of Object.entries(object)) {
    if (name === key || beside.has(name)) continue;
    out.push({ ...quiet, dim: true, text: `${flat(name)}=` }, { ...quiet, fg: colour(value), text: `${shown(value)} ` });
  }
  return out;
}

function shown(value: unknown): string {
  const bare = typeof value === 'string' && /^[^\s"=]+$/.test(value) && flat(value) === value;
  return bare ? value : flat(JSON.stringify(value));
}

function colour(value: unknown): number {
  return typeof value === 'string' ? 2 : typeof value === 'number' ? 6 : typeof value === 'boolean' ? 5 : -1;
}

// What JSON writes as an escape is a control character again once it is read.
function flat(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]+/g, ' ');
}
