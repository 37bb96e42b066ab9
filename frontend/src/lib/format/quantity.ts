// Numbers with their units, which keep their order in whatever text they stand.

/**
 * Sets a text apart from the direction of what is around it, where the page reads
 * from right to left: "6.3 MB" would be shown as "MB 6.3" there. Elsewhere it is
 * left as it is, so that what is copied has no marks that nobody sees.
 */
export function isolated(text: string): string {
  return globalThis.document?.documentElement.dir === 'rtl' ? `\u2068${text}\u2069` : text;
}

/** A formatted number with its unit. */
export function quantity(number: string, unit: string): string {
  return isolated(`${number} ${unit}`);
}
