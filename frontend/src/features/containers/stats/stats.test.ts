import { describe, expect, it } from 'vitest';
import type { Stats } from '$lib/api/types';
import { ceiling, condense, series } from './series';

function sample(second: number, more: Partial<Stats>): Stats {
  const time = new Date(second * 1000).toISOString();
  const none = { cpu: 0, cpuTime: 0, memory: 0, memoryLimit: 0, netIn: 0, netOut: 0, diskRead: 0, diskWritten: 0, pids: 0 };
  const rates = { netInRate: 0, netOutRate: 0 };
  return { id: 'a', name: 'a', time, running: true, source: 'cgroup', ...none, ...rates, ...more };
}

describe('series', () => {
  it('makes rates of counters, which begin anew with each start', () => {
    const s = series([sample(0, { netIn: 0 }), sample(10, { netIn: 1000 }), sample(20, { netIn: 100 }), sample(30, { netIn: 200 })], 'netIn');
    expect(s.values).toEqual([100, NaN, 10]);
  });
  it('shows a gap where nothing was sampled', () => {
    const s = series([sample(0, { cpu: 1 }), sample(10, { cpu: 2 }), sample(500, { cpu: 3 })], 'cpu');
    expect(s.values).toEqual([1, 2, NaN, 3]);
  });
  it('has no pressure where the kernel tells none', () => {
    expect(series([sample(0, {})], 'pressureIO').values).toEqual([NaN]);
  });
});

describe('condense', () => {
  it('keeps spikes', () => {
    const times = Array.from({ length: 1000 }, (_, n) => n);
    const values = times.map((n) => (n === 777 ? 99 : 1));
    const points = condense({ times, values }, 0, 999, 50);
    expect(points.length).toBe(50);
    expect(points.find((p) => p?.value === 99)?.time).toBe(777);
  });
  it('keeps gaps', () => {
    expect(condense({ times: [0, 1, 2], values: [1, NaN, 2] }, 0, 10, 5)).toEqual([{ time: 0, value: 1 }, undefined, { time: 2, value: 2 }]);
  });
});

describe('ceiling', () => {
  it.each([[0, 1], [NaN, 1], [0.3, 0.5], [1, 1], [7, 10], [23, 25], [100, 100], [101, 200]])('%f', (n, want) => expect(ceiling(n)).toBeCloseTo(want));
});
