// Sizes as people type them for limits: binary, as docker's.
import { t } from '$lib/i18n';

/** What was typed is no such value; the message says what was expected. */
export class BadValue extends Error {}

const units: Record<string, number> = { b: 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };

/** Bytes as docker writes them: 512m, 1536k. */
export function sizeText(bytes: number): string {
  if (bytes === 0) return '';
  if (bytes < 0) return '-1';
  const unit = ['t', 'g', 'm', 'k'].find((u) => bytes % units[u]! === 0) ?? 'b';
  return unit === 'b' ? String(bytes) : `${bytes / units[unit]!}${unit}`;
}

export function readSize(text: string): number {
  if (text.trim() === '-1') return -1;
  const found = /^(\d+(?:\.\d+)?)\s*([bkmgt]?)(?:i?b)?$/i.exec(text.trim());
  if (!found) throw new BadValue(t.spec.bad.size);
  return Math.round(Number(found[1]) * units[found[2]!.toLowerCase() || 'b']!);
}
