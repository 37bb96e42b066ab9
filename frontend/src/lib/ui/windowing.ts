// Which rows of a long list are drawn: those in view and some around them.

/** Where each row begins; the last number is where the list ends. */
export function offsets(keys: string[], heights: Map<string, number>, guess: number): number[] {
  const at = new Array<number>(keys.length + 1);
  at[0] = 0;
  for (let i = 0; i < keys.length; i++) at[i + 1] = at[i]! + (heights.get(keys[i]!) ?? guess);
  return at;
}

/** The row at a height: the last one that begins at or above it. */
export function rowAt(offsets: number[], y: number): number {
  let low = 0;
  let high = Math.max(0, offsets.length - 2);
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (offsets[middle]! <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Rows from (inclusive) until (exclusive). */
export interface Rows {
  from: number;
  until: number;
}

/** What is in view, with some views more on either side. */
export function drawn(offsets: number[], top: number, height: number, views = 0.5): Rows {
  const rows = offsets.length - 1;
  if (rows <= 0) return { from: 0, until: 0 };
  const more = height * views;
  return { from: rowAt(offsets, top - more), until: Math.min(rows, rowAt(offsets, top + height + more) + 1) };
}

/** What to draw next: the rows that are drawn, as long as they reach a bit beyond the view and are not many too many. */
export function redrawn(now: Rows, offsets: number[], top: number, height: number): Rows {
  const least = drawn(offsets, top, height, 0.2);
  const most = drawn(offsets, top, height, 1);
  const enough = now.from <= least.from && now.until >= least.until;
  return enough && now.from >= most.from && now.until <= most.until ? now : drawn(offsets, top, height);
}
