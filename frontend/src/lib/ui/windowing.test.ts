import { describe, expect, it } from 'vitest';
import { drawn, offsets, redrawn, rowAt } from './windowing';

describe('windowing', () => {
  const keys = Array.from({ length: 100 }, (_, n) => String(n));
  const at = offsets(keys, new Map([['1', 50]]), 10);
  it('knows where rows begin', () => {
    expect(at.slice(0, 4)).toEqual([0, 10, 60, 70]);
    expect(at[100]).toBe(1040);
  });
  it('finds the row at a height', () => {
    expect(rowAt(at, 0)).toBe(0);
    expect(rowAt(at, 59)).toBe(1);
    expect(rowAt(at, 60)).toBe(2);
    expect(rowAt(at, 1e9)).toBe(99);
    expect(rowAt(at, -5)).toBe(0);
  });
  it('draws what is in view and half of that around it', () => {
    expect(drawn(at, 500, 100)).toEqual({ from: 41, until: 62 });
    expect(drawn([0], 0, 100)).toEqual({ from: 0, until: 0 });
  });
  it('keeps what is drawn until the view comes near its end, or it is far too much', () => {
    const now = drawn(at, 500, 100);
    expect(redrawn(now, at, 520, 100)).toBe(now);
    expect(redrawn(now, at, 470, 100)).toBe(now);
    expect(redrawn(now, at, 545, 100)).toEqual(drawn(at, 545, 100));
    expect(redrawn(now, at, 900, 100)).toEqual(drawn(at, 900, 100));
    expect(redrawn({ from: 0, until: 80 }, at, 0, 100)).toEqual(drawn(at, 0, 100));
    expect(redrawn({ from: 0, until: 4 }, at, 0, 100)).toEqual(drawn(at, 0, 100));
  });
});
