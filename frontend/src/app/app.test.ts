import { describe, expect, it } from 'vitest';
import { rank, score } from './rank';
import { format, parse } from './router.svelte';
import { pressed } from './shortcuts';

describe('rank', () => {
  it('prefers prefix over word start over letters', () => {
    expect(score('run', 'Run a Container')).toBeGreaterThan(score('run', 'Copy Run Command'));
    expect(score('run', 'Copy Run Command')).toBeGreaterThan(score('run', 'Return'));
    expect(score('xyz', 'Run')).toBe(0);
  });
  it('puts what was used last first among equals', () => {
    const used = ['b'];
    expect(rank('', ['a', 'b', 'c'], (e) => e, (e) => used.indexOf(e))).toEqual(['b', 'a', 'c']);
  });
});

describe('router', () => {
  it('reads what it wrote', () => {
    const route = parse(format('search', 'docker.io/library/nginx', '', { q: 'a b&c' }));
    expect(route.section).toBe('search');
    expect(route.id).toBe('docker.io/library/nginx');
    expect(route.query.get('q')).toBe('a b&c');
  });
  it('leads nowhere bad', () => {
    expect(parse('#/nonsense/x').section).toBe('containers');
    expect(parse('#/nonsense/x').id).toBe('');
    expect(parse('#/images/%E0%A4%A').id).toBe('%E0%A4%A');
  });
});

describe('pressed', () => {
  const key = (key: string, more: Partial<KeyboardEvent> = {}) =>
    ({ key, ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, ...more }) as KeyboardEvent;
  it('knows modifiers', () => {
    expect(pressed(key('k', { ctrlKey: true }), 'Ctrl+K')).toBe(true);
    expect(pressed(key('K', { ctrlKey: true, shiftKey: true }), 'Ctrl+K')).toBe(false);
    expect(pressed(key('?', { ctrlKey: true, shiftKey: true }), 'Ctrl+?')).toBe(true);
    expect(pressed(key('F9'), 'F9')).toBe(true);
    expect(pressed(key('1', { altKey: true }), 'Alt+1')).toBe(true);
  });
});
