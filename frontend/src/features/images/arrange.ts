import type { ImageSort } from '$app/settings.svelte';
import type { Image, TreeNode } from '$lib/api/types';
import { titleOf } from './names';

/** A row of the list: an image, in the tree with how deep it stands and what it shares. */
export interface ImageEntry {
  image: Image;
  level: number; // from 1
  node?: TreeNode;
}

const collator = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

const orders: Record<ImageSort, (a: Image, b: Image) => number> = {
  created: (a, b) => time(b) - time(a),
  name: () => 0,
  size: (a, b) => b.size - a.size,
  used: (a, b) => b.containers - a.containers,
};

/** In an order that two equal ones keep: by name. */
export function sorted(images: Image[], by: ImageSort): Image[] {
  return images.toSorted((a, b) => orders[by](a, b) || collator.compare(titleOf(a), titleOf(b)) || (a.id < b.id ? -1 : 1));
}

function time(i: Image): number {
  const at = Date.parse(i.created ?? '');
  return Number.isNaN(at) ? 0 : at;
}

/** Images below those that they stand on. One whose parent is not shown stands by itself. */
export function asTree(images: Image[], nodes: TreeNode[]): ImageEntry[] {
  const byID = new Map(nodes.map((n) => [n.id, n]));
  const shown = new Set(images.map((i) => i.id));
  const below = new Map<string, Image[]>();
  for (const image of images) {
    const parent = shownParent(image.id, byID, shown);
    below.set(parent, [...(below.get(parent) ?? []), image]);
  }
  const rows: ImageEntry[] = [];
  const add = (parent: string, level: number): void => {
    for (const image of below.get(parent) ?? []) {
      rows.push({ image, level, node: byID.get(image.id) });
      if (level < 100) add(image.id, level + 1);
    }
  };
  add('', 1);
  return rows;
}

function shownParent(id: string, nodes: Map<string, TreeNode>, shown: Set<string>): string {
  const seen = new Set([id]);
  for (let up = nodes.get(id)?.parent; up && !seen.has(up); up = nodes.get(up)?.parent) {
    if (shown.has(up)) return up;
    seen.add(up);
  }
  return '';
}
