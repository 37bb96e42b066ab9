import { age } from '$lib/format';
import { t } from '$lib/i18n';

// Wide scripts take two cells in a fixed font.
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\ud83c-\ud83e][\udc00-\udfff]/g;

/** How many rows a line takes in so many columns; the browser's own count replaces it once drawn. */
export function estimateRows(text: string, columns: number): number {
  if (text.length <= columns && text.length * 2 <= columns) return 1;
  const extra = (text.match(wide)?.length ?? 0) + 7 * (text.split('\t').length - 1);
  return Math.max(1, Math.ceil((text.length + extra) / columns));
}

const format = new Intl.DateTimeFormat(undefined, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
  hourCycle: 'h23',
});

/** How times are shown: not, as the time of day here, in full and everywhere the same, or as how long ago. */
export type Clock = 'none' | 'local' | 'utc' | 'relative';

/** So many columns a time takes, with what stands between it and the text. */
export const timeColumns: Record<Clock, number> = { none: 0, local: 13, utc: 25, relative: 10 };

export function timeOf(time: string, clock: Clock, now: number): string {
  const at = Date.parse(time);
  if (Number.isNaN(at)) return '';
  if (clock === 'relative') return t.logs.ago(age(time, now));
  return clock === 'utc' ? new Date(at).toISOString().replace('T', ' ') : format.format(at);
}
