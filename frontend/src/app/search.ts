/** A value with only what matches: names and values that have the text in them, and what they stand in. */
export function matching(value: unknown, text: string): unknown {
  const wanted = text.toLowerCase();
  const fits = (part: unknown) => String(part).toLowerCase().includes(wanted);
  const keep = (part: unknown): unknown => {
    if (typeof part !== 'object' || part === null) return fits(part) ? part : undefined;
    const entries = Object.entries(part)
      .map(([name, child]) => [name, fits(name) ? child : keep(child)] as const)
      .filter(([, child]) => child !== undefined);
    return entries.length > 0 ? Object.fromEntries(entries) : undefined;
  };
  return keep(value);
}

/** Text in parts, those that match and those between. */
export function marked(text: string, wanted: string): { text: string; hit: boolean }[] {
  if (wanted === '') return [{ text, hit: false }];
  const parts: { text: string; hit: boolean }[] = [];
  const lower = text.toLowerCase();
  // Where a letter's other case has another length, places would not agree.
  const places = lower.length === text.length ? lower : text;
  let from = 0;
  for (let at = places.indexOf(wanted.toLowerCase()); at >= 0; at = places.indexOf(wanted.toLowerCase(), from)) {
    if (at > from) parts.push({ text: text.slice(from, at), hit: false });
    parts.push({ text: text.slice(at, at + wanted.length), hit: true });
    from = at + wanted.length;
  }
  if (from < text.length) parts.push({ text: text.slice(from), hit: false });
  return parts;
}
