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

/** The time of day in this place's time, to the millisecond. */
export function clockTime(time: string): string {
  const at = Date.parse(time);
  return Number.isNaN(at) ? '' : format.format(at);
}
