// How values stand in text fields, and back. Reading throws a BadValue that
// says what was expected; what is well-formed and wrong is Go's to say.
import { BadValue } from '$lib/format/size';
import { t } from '$lib/i18n';
import { join, OpenQuote, split } from '$lib/format/shell';

const spans: [string, number][] = [
  ['h', 3_600e9],
  ['m', 60e9],
  ['s', 1e9],
  ['ms', 1e6],
  ['us', 1e3],
  ['ns', 1],
];

/** Nanoseconds as Go writes durations: 1m30s. */
export function durationText(ns: number): string {
  let rest = ns;
  let text = '';
  for (const [unit, size] of spans) {
    const n = Math.floor(rest / size);
    if (n > 0) text += `${n}${unit}`;
    rest -= n * size;
  }
  return text;
}

export function readDuration(text: string): number {
  const clean = text.replaceAll(' ', '').replaceAll('µ', 'u');
  if (/^\d+$/.test(clean)) return Number(clean) * 1e9;
  if (!/^(?:\d+(?:\.\d+)?(?:ms|us|ns|h|m|s))+$/.test(clean)) throw new BadValue(t.spec.bad.duration);
  const parts = clean.matchAll(/(\d+(?:\.\d+)?)(ms|us|ns|h|m|s)/g);
  return [...parts].reduce((sum, [, n, unit]) => sum + Number(n) * spans.find(([u]) => u === unit)![1], 0);
}

export function readInteger(text: string): number {
  if (!/^-?\d+$/.test(text.trim())) throw new BadValue(t.spec.bad.integer);
  return Number(text);
}

export function readNumber(text: string): number {
  const n = Number(text.trim().replace(',', '.'));
  if (Number.isNaN(n)) throw new BadValue(t.spec.bad.number);
  return n;
}

export const wordsText = join;

export function readWords(text: string): string[] {
  try {
    return split(text);
  } catch (thrown) {
    if (thrown instanceof OpenQuote) throw new BadValue(t.run.errors.openQuote);
    throw thrown;
  }
}

/** One a line; a value that has a newline itself stands in quotes. */
export function linesText(values: string[]): string {
  return values.map((value) => (/[\n\r]|^["\s]|\s$/.test(value) || value === '' ? JSON.stringify(value) : value)).join('\n');
}

export function readLines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .map((line) => (line.startsWith('"') ? quoted(line) : line));
}

function quoted(line: string): string {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'string') return value;
  } catch {
    // Said below.
  }
  throw new BadValue(t.run.errors.openQuote);
}

/** key=value, one a line. */
export function pairsText(values: Record<string, string>): string {
  return linesText(Object.entries(values).map(([key, value]) => `${key}=${value}`));
}

export function readPairs(text: string): Record<string, string> {
  return Object.fromEntries(
    readLines(text).map((line) => {
      const cut = line.indexOf('=');
      return cut < 0 ? [line, ''] : [line.slice(0, cut), line.slice(cut + 1)];
    }),
  );
}

/** "a=1,b,c=x" as docker's --mount has it; what has a comma stands in quotes. */
export function csvText(parts: string[]): string {
  return parts.map((part) => (/[",]/.test(part) ? `"${part.replaceAll('"', '""')}"` : part)).join(',');
}

export function readCsv(text: string): string[] {
  const parts = [...text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^,]*))(?:,|$)/g)].map(([, q, plain]) => (q === undefined ? plain!.trim() : q.replaceAll('""', '"')));
  return parts.filter(Boolean);
}
