// Made when they are first asked for: each takes longer than drawing a row.
let rules: Intl.PluralRules | undefined;
let numbers: Intl.NumberFormat | undefined;
let lists: Intl.ListFormat | undefined;

/** The form for n, with n in the place of "#". */
export function plural(n: number, one: string, other: string): string {
  rules ??= new Intl.PluralRules('en');
  numbers ??= new Intl.NumberFormat('en');
  return (rules.select(n) === 'one' ? one : other).replace('#', numbers.format(n));
}

/** "a, b and c". */
export function list(names: string[]): string {
  lists ??= new Intl.ListFormat('en', { type: 'conjunction' });
  return lists.format(names);
}
