import type { Operation } from '$lib/api/types';

export type Group = 'now' | 'next' | 'held' | 'ended';

const groupOf: Record<Operation['state'], Group> = {
  running: 'now',
  waiting: 'next',
  paused: 'held',
  done: 'ended',
  failed: 'ended',
  cancelled: 'ended',
};

/** Operations by what they are at: what works now, what waits in its order, what is held, what ended. */
export function grouped(operations: Operation[]): { group: Group; operations: Operation[] }[] {
  const groups: Group[] = ['now', 'next', 'held', 'ended'];
  return groups
    .map((group) => ({ group, operations: operations.filter((o) => groupOf[o.state] === group) }))
    .map((g) => (g.group === 'next' ? { ...g, operations: g.operations.toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0)) } : g))
    .filter((g) => g.operations.length > 0);
}
