import type { Change } from '$lib/api/types';

export type ChangeKind = Change['kind'];

export const kinds = ['added', 'modified', 'deleted'] as const satisfies ChangeKind[];

export interface Counted {
  kind: ChangeKind;
  files: number;
  bytes: number;
}

/** How many paths of each kind there are, and what they weigh. */
export function counted(changes: Change[]): Counted[] {
  return kinds.map((kind) => {
    const of = changes.filter((c) => c.kind === kind);
    return { kind, files: of.length, bytes: of.reduce((sum, c) => sum + c.size, 0) };
  });
}

/** The changes of these kinds whose path has the word. */
export function chosen(changes: Change[], only: ChangeKind | '', word: string): Change[] {
  const wanted = word.trim().toLowerCase();
  return changes.filter((c) => (only === '' || c.kind === only) && c.path.toLowerCase().includes(wanted));
}
