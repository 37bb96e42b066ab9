const rules = new Intl.PluralRules('en');

/** The form for n, with n in the place of "#". */
export function plural(n: number, one: string, other: string): string {
  return (rules.select(n) === 'one' ? one : other).replace('#', new Intl.NumberFormat('en').format(n));
}

/** "a, b and c". */
export function list(names: string[]): string {
  return new Intl.ListFormat('en', { type: 'conjunction' }).format(names);
}
