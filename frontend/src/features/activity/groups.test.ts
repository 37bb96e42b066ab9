import { expect, it } from 'vitest';
import type { Operation } from '$lib/api/types';
import { grouped } from './groups';

const one = (id: string, state: Operation['state'], place?: number): Operation => ({
  id, kind: 'pull', title: id, subject: id, state, started: '', done: 0, total: 0, steps: [], place,
});

it('groups operations and keeps the order of the queue', () => {
  const all = [one('a', 'done'), one('b', 'waiting', 2), one('c', 'running'), one('d', 'waiting', 1), one('e', 'failed')];
  expect(grouped(all).map((g) => [g.group, g.operations.map((o) => o.id)])).toEqual([
    ['now', ['c']],
    ['next', ['d', 'b']],
    ['ended', ['a', 'e']],
  ]);
});
