// Numbers with their units, which keep their order in whatever text they stand.

/**
 * Sets a text apart from the direction of what is around it: without, from right
 * to left or after a name in Hebrew, "6.3 MB" is shown as "MB 6.3".
 */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`;
}

/** A formatted number with its unit. */
export function quantity(number: string, unit: string): string {
  return isolated(`${number} ${unit}`);
}
