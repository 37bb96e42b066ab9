const block = 512;

/** Heights of many rows: where row n begins, which row is at y. Sums are kept by block. */
export class Heights {
  private rows: number[] = [];
  private sums: number[] = [];
  total = 0;

  get length(): number {
    return this.rows.length;
  }

  push(height: number): void {
    const at = Math.floor(this.rows.length / block);
    this.rows.push(height);
    this.sums[at] = (this.sums[at] ?? 0) + height;
    this.total += height;
  }

  set(row: number, height: number): number {
    const change = height - (this.rows[row] ?? height);
    if (change === 0) return 0;
    this.rows[row] = height;
    this.sums[Math.floor(row / block)]! += change;
    this.total += change;
    return change;
  }

  /** Puts rows before the first. */
  prepend(heights: number[]): void {
    this.take([...heights, ...this.rows]);
  }

  /** Takes rows away at the beginning, and all after so many. */
  keep(from: number, count: number): void {
    this.take(this.rows.slice(from, from + count));
  }

  private take(rows: number[]): void {
    this.clear();
    for (const height of rows) this.push(height);
  }

  /** Where row begins. */
  offset(row: number): number {
    const last = Math.floor(row / block);
    let y = 0;
    for (let at = 0; at < last; at++) y += this.sums[at] ?? 0;
    for (let at = last * block; at < row; at++) y += this.rows[at] ?? 0;
    return y;
  }

  /** The row that covers y. */
  find(y: number): number {
    let at = 0;
    let left = Math.max(0, y);
    while (at < this.sums.length - 1 && left >= this.sums[at]!) left -= this.sums[at++]!;
    let row = at * block;
    while (row < this.rows.length - 1 && left >= this.rows[row]!) left -= this.rows[row++]!;
    return Math.min(row, Math.max(0, this.rows.length - 1));
  }

  clear(): void {
    this.rows = [];
    this.sums = [];
    this.total = 0;
  }
}
