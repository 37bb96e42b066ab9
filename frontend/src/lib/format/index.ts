// Numbers, times and names for people. Sizes are decimal, as the file manager's.
import { isolated, quantity } from './quantity';

const locale = localeOf(typeof navigator === 'undefined' ? 'en' : navigator.language);
const units = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A language that Intl takes: in a session without one (LANG=C), WebKit says "C". */
export function localeOf(language: string): string {
  try {
    return Intl.getCanonicalLocales(language)[0] ?? 'en';
  } catch {
    return 'en';
  }
}

export function bytes(n: number): string {
  let value = n;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  const digits = unit > 0 && value < 9.95 ? 1 : 0;
  return quantity(number(value, digits), units[unit] ?? '');
}

// To make a format takes a thousand times as long as to use it, and a list has
// one in each row: each is made once, when it is first asked for.
const made = new Map<string, unknown>();

function once<F>(name: string, make: () => F): F {
  const format = (made.get(name) as F | undefined) ?? make();
  made.set(name, format);
  return format;
}

export function number(n: number, digits = 0): string {
  const fraction = { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return once(`number ${digits}`, () => new Intl.NumberFormat(locale, fraction)).format(n);
}

export function compact(n: number): string {
  return isolated(once('compact', () => new Intl.NumberFormat(locale, { notation: 'compact', maximumFractionDigits: 1 })).format(n));
}

export function percent(done: number, total: number): string {
  const part = total > 0 ? Math.min(1, done / total) : 0;
  return isolated(once('percent', () => new Intl.NumberFormat(locale, { style: 'percent' })).format(part));
}

/** So many hundredths of a whole, such as of a processor: "3.4 %", "120 %". */
export function hundredths(n: number): string {
  return quantity(number(n, n < 9.95 ? 1 : 0), '%');
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['week', 604_800],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "5 minutes ago"; "now" below half a minute, and for clocks that run ahead. */
export function ago(time: string | undefined, now: number): string {
  const seconds = since(time, now);
  if (seconds === undefined) return '';
  const [unit, size] = steps.find(([, size]) => seconds >= size) ?? [undefined, 1];
  const format = once('ago', () => new Intl.RelativeTimeFormat(locale, { numeric: 'auto', style: 'long' }));
  if (!unit) return isolated(seconds < 30 ? format.format(0, 'second') : format.format(-1, 'minute'));
  return isolated(format.format(-Math.floor(seconds / size), unit));
}

const shortUnits: [string, number][] = [
  ['y', 31_536_000],
  ['mo', 2_592_000],
  ['w', 604_800],
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
];

/** "5 min", for columns; the whole date belongs into the tooltip. */
export function age(time: string | undefined, now: number): string {
  const seconds = since(time, now);
  if (seconds === undefined) return '';
  const [unit, size] = shortUnits.find(([, size]) => seconds >= size) ?? ['s', 1];
  return quantity(number(Math.floor(seconds / size)), unit);
}

function since(time: string | undefined, now: number): number | undefined {
  const at = time ? Date.parse(time) : NaN;
  // Go's zero time is year 1; images made reproducibly say 1970.
  if (Number.isNaN(at) || at < 86_400_000 * 365) return undefined;
  return Math.max(0, (now - at) / 1000);
}

export function dateTime(time: string | undefined): string {
  const at = time ? Date.parse(time) : NaN;
  if (Number.isNaN(at)) return '';
  return once('dateTime', () => new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'medium' })).format(at);
}

/** Twelve digits, as docker shows ids and digests. */
export function shortID(id: string): string {
  return id.replace(/^sha256:/, '').slice(0, 12);
}

export interface ImageName {
  host: string;
  path: string;
  tag: string;
}

/** Splits a complete image name; a name without registry has host "". */
export function imageName(name: string): ImageName {
  const [rest = '', digest] = name.split('@', 2);
  const slash = rest.indexOf('/');
  const first = slash < 0 ? '' : rest.slice(0, slash);
  const host = /[.:]/.test(first) || first === 'localhost' ? first : '';
  const remainder = host ? rest.slice(slash + 1) : rest;
  const colon = remainder.lastIndexOf(':');
  const path = colon < 0 ? remainder : remainder.slice(0, colon);
  const tag = colon < 0 ? '' : remainder.slice(colon + 1);
  return { host, path, tag: tag || (digest ? shortID(digest) : '') };
}

/** The short form for lists: without docker.io/library/ and without :latest. */
export function familiarName(name: string): string {
  if (/^sha256:[0-9a-f]{64}$/.test(name)) return shortID(name);
  const short = name.replace(/^docker\.io\/(library\/)?/, '');
  return short.replace(/:latest$/, '').replace(/@sha256:([0-9a-f]{12})[0-9a-f]*$/, '@$1');
}

/** Seconds as 0:42, 1:05:00. */
export function countdown(seconds: number): string {
  const two = (n: number) => String(n).padStart(2, '0');
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, Math.floor(seconds) % 60];
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
