/** How well text answers query: 0 not at all; start > start of a word > letters in order. */
export function score(query: string, text: string): number {
  const q = query.trim().toLowerCase();
  const t = text.toLowerCase();
  if (q === '') return 1;
  if (t.startsWith(q)) return 1000 - t.length;
  const at = t.indexOf(q);
  if (at > 0) return (/[^a-z0-9]/.test(t[at - 1]!) ? 700 : 400) - at;
  // Two letters in order are in nearly everything.
  return q.length > 2 ? fuzzy(q, t) : 0;
}

function fuzzy(q: string, t: string): number {
  let at = -1;
  let gaps = 0;
  for (const letter of q.replaceAll(' ', '')) {
    const next = t.indexOf(letter, at + 1);
    if (next < 0) return 0;
    if (at >= 0) gaps += next - at - 1;
    at = next;
  }
  return Math.max(0, 200 - gaps * 10);
}

/** The entries that answer query, best first; recently used ones first among equals. */
export function rank<T>(query: string, entries: T[], text: (e: T) => string, recent: (e: T) => number): T[] {
  return entries
    .map((entry, order) => ({ entry, order, points: score(query, text(entry)), last: recent(entry) }))
    .filter(({ points }) => points > 0)
    .map((row) => ({ ...row, points: row.points + (row.last < 0 ? 0 : 40 - row.last) }))
    .sort((a, b) => b.points - a.points || a.order - b.order)
    .map(({ entry }) => entry);
}
