import { describe, expect, it } from 'vitest';
import type { Image, TreeNode } from '$lib/api/types';
import { asTree, sorted } from './arrange';

const image = (id: string, more: Partial<Image> = {}): Image => ({
  id, names: [`docker.io/library/${id}:latest`], digest: '', repoDigests: [], size: 0, downloadSize: 0, platform: '', labels: {}, containers: 0, origin: '', ...more,
});
const node = (id: string, parent?: string): TreeNode => ({ id, names: [], parent, layers: 1, shared: 0, size: 1 });
const ids = (images: Image[]) => images.map((i) => i.id);

describe('sorted', () => {
  const all = [image('b', { size: 2, created: '2026-01-01T00:00:00Z' }), image('a10', { size: 2, containers: 1 }), image('a9', { size: 9 })];
  it('by name counts like people', () => expect(ids(sorted(all, 'name'))).toEqual(['a9', 'a10', 'b']));
  it('by size, then by name', () => expect(ids(sorted(all, 'size'))).toEqual(['a9', 'a10', 'b']));
  it('newest first', () => expect(ids(sorted(all, 'created'))).toEqual(['b', 'a9', 'a10']));
  it('by use', () => expect(ids(sorted(all, 'used'))[0]).toBe('a10'));
});

describe('asTree', () => {
  const levels = (images: Image[], nodes: TreeNode[]) => asTree(images, nodes).map((r) => `${r.level}${r.image.id}`);
  const nodes = [node('base'), node('middle', 'base'), node('app', 'middle')];
  it('puts children below their parents', () => {
    expect(levels([image('app'), image('other'), image('base'), image('middle')], nodes)).toEqual(['1other', '1base', '2middle', '3app']);
  });
  it('goes over a parent that is not shown', () => {
    expect(levels([image('app'), image('base')], nodes)).toEqual(['1base', '2app']);
  });
  it('comes to an end where parents go round', () => {
    const round = [node('x', 'y'), node('y', 'x')];
    expect(levels([image('x')], round)).toEqual(['1x']);
  });
});
