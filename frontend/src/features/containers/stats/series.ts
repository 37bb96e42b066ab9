import type { Stats } from '$lib/api/types';

/** One thing that is drawn over time; a gap is NaN. */
export interface Series {
  times: number[]; // ms
  values: number[];
}

export type Measure = 'cpu' | 'memory' | 'netIn' | 'netOut' | 'diskRead' | 'diskWritten' | 'pids' | 'pressureCPU' | 'pressureMemory' | 'pressureIO';

const levels: Partial<Record<Measure, (s: Stats) => number>> = {
  cpu: (s) => s.cpu,
  memory: (s) => s.memory,
  pids: (s) => s.pids,
  pressureCPU: (s) => s.pressure?.cpu ?? NaN,
  pressureMemory: (s) => s.pressure?.memory ?? NaN,
  pressureIO: (s) => s.pressure?.io ?? NaN,
};

const counters: Partial<Record<Measure, (s: Stats) => number>> = {
  netIn: (s) => s.netIn,
  netOut: (s) => s.netOut,
  diskRead: (s) => s.diskRead,
  diskWritten: (s) => s.diskWritten,
};

// Samples come about every ten seconds: after a longer pause nobody knows.
const gapAfter = 60_000;

/** The series of a measure. Counters become bytes a second; they begin anew with each start. */
export function series(samples: readonly Stats[], measure: Measure): Series {
  const times: number[] = [];
  const values: number[] = [];
  const level = levels[measure];
  const counter = counters[measure];
  samples.forEach((sample, n) => {
    const at = Date.parse(sample.time);
    const before = samples[n - 1];
    const since = before ? at - Date.parse(before.time) : Infinity;
    if (since > gapAfter && n > 0) {
      times.push(at - 1);
      values.push(NaN);
    }
    if (level) {
      times.push(at);
      values.push(level(sample));
    } else if (before && since <= gapAfter && since > 0) {
      const grown = counter!(sample) - counter!(before);
      times.push(at);
      values.push(grown >= 0 ? (grown * 1000) / since : NaN);
    }
  });
  return { times, values };
}

export interface Point {
  time: number;
  value: number; // the highest of its slot: a spike is not lost
}

/** At most slots points between two times; a slot without samples is left out, with a gap before the next. */
export function condense(s: Series, from: number, until: number, slots: number): (Point | undefined)[] {
  const points: (Point | undefined)[] = [];
  const width = (until - from) / slots;
  let last = -1;
  s.times.forEach((time, n) => {
    const value = s.values[n]!;
    if (time < from || time > until) return;
    if (Number.isNaN(value)) {
      if (points.length > 0 && points.at(-1)) points.push(undefined);
      last = -1;
      return;
    }
    const slot = Math.min(slots - 1, Math.floor((time - from) / width));
    const top = points.at(-1);
    if (slot === last && top) {
      if (value > top.value) points[points.length - 1] = { time, value };
    } else {
      points.push({ time, value });
      last = slot;
    }
  });
  return points;
}

/** A round number at or above the highest value, for the axis. */
export function ceiling(highest: number): number {
  if (!(highest > 0)) return 1;
  const step = 10 ** Math.floor(Math.log10(highest));
  return [1, 2, 2.5, 5, 10].map((n) => n * step).find((n) => n >= highest * 0.999)!;
}
