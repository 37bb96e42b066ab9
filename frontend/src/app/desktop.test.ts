import { describe, expect, it } from 'vitest';
import type { Desktop, Opening } from '$lib/api/platform';
import type { Container, Operation } from '$lib/api/types';
import { follow, noticesOf, trayOf, type Asked } from './desktop';

const operation = (id: string, state: Operation['state'], seconds: number): Operation =>
  ({ id, state, title: `Pull ${id}`, started: '2026-01-01T00:00:00Z', ended: new Date(Date.UTC(2026, 0, 1) + seconds * 1000).toISOString() }) as Operation;

describe('noticesOf', () => {
  it('tells of long work that has just ended, once', () => {
    const before = [operation('a', 'running', 0), operation('b', 'running', 0), operation('c', 'running', 0), operation('d', 'done', 60)];
    const now = [operation('a', 'done', 11), operation('b', 'failed', 12), operation('c', 'done', 3), operation('d', 'done', 60)];
    expect(noticesOf(before, now).map((n) => n.id)).toEqual(['a', 'b']);
    expect(noticesOf(now, now)).toEqual([]);
  });
  it('says nothing of what the person cancelled', () => {
    expect(noticesOf([operation('a', 'running', 0)], [operation('a', 'cancelled', 60)])).toEqual([]);
  });
});

describe('trayOf', () => {
  const container = (id: string, state: string) => ({ id, name: `name-${id}`, state }) as Container;
  it('offers to stop what runs, and no more than a menu holds', () => {
    const many = Array.from({ length: 30 }, (_, i) => container(String(i), 'running'));
    const { items } = trayOf([container('x', 'exited'), ...many]);
    const stops = items.filter((i) => i.id.startsWith('stop:'));
    expect(stops).toHaveLength(12);
    expect(stops[0]).toEqual({ id: 'stop:0', title: 'Stop name-0', disabled: false });
    expect(items.at(-1)?.id).toBe('quit');
  });
});

describe('follow', () => {
  function asked() {
    const said: string[] = [];
    let open: (o: Opening) => void = () => undefined;
    let tray: (id: string) => void = () => undefined;
    const session = {
      onOpening: (l: typeof open) => (open = l),
      onNotified: () => undefined,
      onTray: (l: typeof tray) => (tray = l),
      show: () => said.push('show'),
    } as unknown as Desktop;
    const note =
      (verb: string) =>
      (what = '') =>
        void said.push(`${verb} ${what}`.trim());
    const all: Asked = {
      run: note('run'),
      showImage: note('image'),
      load: note('load'),
      refused: note('refused'),
      activity: note('activity'),
      stop: note('stop'),
      quit: note('quit'),
    };
    follow(session, all);
    return { said, open: (o: Partial<Opening>) => open(o as Opening), tray: (id: string) => tray(id) };
  }
  it('shows what was opened', () => {
    const { said, open } = asked();
    open({ kind: 'run', image: 'nginx' });
    open({ kind: 'load', path: '/a.tar' });
    open({ kind: 'refused', why: 'no' });
    open({ kind: '' });
    expect(said).toEqual(['run nginx', 'load /a.tar', 'refused no']);
  });
  it('does what the tray says', () => {
    const { said, tray } = asked();
    ['show', 'run', 'stop:abc', 'quit'].forEach(tray);
    expect(said).toEqual(['show', 'show', 'run', 'stop abc', 'quit']);
  });
});
