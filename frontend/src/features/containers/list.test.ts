import { describe, expect, it } from 'vitest';
import type { Container } from '$lib/api/types';
import { Arrangement, entries } from './arrange';
import { matches, terms, toggleKind } from './filter';
import { why } from './status';

function container(name: string, more: Partial<Container> = {}): Container {
  return {
    id: name,
    name,
    image: 'docker.io/library/nginx:1',
    imageID: '',
    command: [],
    created: '',
    state: 'running',
    exitCode: 0,
    ports: [],
    networks: [],
    labels: {},
    restarts: 0,
    ...more,
  };
}

const inShop = { labels: { 'com.docker.compose.project': 'my shop' } };

describe('filter', () => {
  const c = container('web', { ...inShop, ports: [{ hostIP: '', hostPort: 8080, containerPort: 80, protocol: 'tcp' }] });
  it.each([
    ['', true],
    ['WE nginx', true],
    ['web other', false],
    ['is:running', true],
    ['is:failed', false],
    ['project:"my shop"', true],
    ['project:my', false],
    ['port:80 port:8080', true],
    ['label:com.docker.compose.project', true],
    ['nosuch:field', false],
    ['is:', false],
  ])('%j', (filter, passes) => expect(matches(c, filter)).toBe(passes));
  it('keeps quoted words whole', () => expect(terms('a project:"my shop" b')).toEqual(['a', 'project:my shop', 'b']));
  it('changes one kind for another', () => {
    expect(toggleKind('is:failed project:"my shop"', 'running')).toBe('is:running "project:my shop"');
    expect(toggleKind('is:running db', 'running')).toBe('db');
  });
});

describe('arrangement', () => {
  const names = (rows: { c: Container }[]) => rows.map(({ c }) => c.name);
  it('moves nothing while it is held, and puts new ones last', () => {
    const a = new Arrangement();
    const before = [container('b'), container('a', { state: 'exited' })];
    expect(names(a.of(before, 'state', 'state', false))).toEqual(['b', 'a']);
    const after = [container('new'), container('b', { state: 'exited' }), container('a')];
    const held = a.of(after, 'state', 'state', true);
    expect(names(held)).toEqual(['b', 'a', 'new']);
    expect(held[0]!.group).toBe('Running');
    expect(names(a.of(after, 'state', 'state', false))).toEqual(['a', 'new', 'b']);
  });
  it('heads groups, single ones last, and leaves out what is closed', () => {
    const a = new Arrangement();
    const rows = a.of([container('alone'), container('web', inShop)], 'created', 'project', false);
    expect(entries(rows, () => false).map((e) => e.id)).toEqual(['group:my shop', 'web', 'group:', 'alone']);
    expect(entries(rows, (id) => id === 'group:my shop').map((e) => e.id)).toEqual(['group:my shop', 'group:', 'alone']);
    expect(entries(a.of([container('x')], 'created', 'project', false), () => false).map((e) => e.id)).toEqual(['x']);
  });
});

describe('why', () => {
  it('is said of what went wrong', () => {
    expect(why(container('x', { state: 'exited', exitCode: 137, reason: 'it was killed' }))).toBe('it was killed');
    expect(why(container('x', { state: 'exited', exitCode: 0, reason: 'it ended' }))).toBe('');
    expect(why(container('x', { state: 'broken', reason: 'unreadable' }))).toBe('unreadable');
    expect(why(container('x', { reason: 'before' }))).toBe('');
  });
});
