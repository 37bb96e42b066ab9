import { describe, expect, it } from 'vitest';
import type { LogLine } from '$lib/api/types';
import { plain, spans } from './ansi';
import { Heights } from './heights';
import { LogModel } from './model.svelte';

describe('ansi', () => {
  it('makes spans of colours', () => {
    const got = spans('a\x1b[31;1mred\x1b[0m b\x1b[38;5;46mgreen');
    expect(got.map((s) => [s.text, s.fg, s.bold])).toEqual([
      ['a', -1, false],
      ['red', 1, true],
      [' b', -1, false],
      ['green', 2, false],
    ]);
  });
  it.each([
    ['title\x1b]0;owned\x07!', 'title!'],
    ['link \x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\', 'link text'],
    ['\x1b[2J\x1b[Hcleared', 'cleared'],
    ['10%\r50%\r100%', '100%'],
    ['windows\r', 'windows'],
    ['bell\x07 null\x00 c1\x9b31m', 'bell null c1'],
    ['torn \x1b', 'torn '],
    ['turned \u202egnp.exe', 'turned gnp.exe'],
    ['<script>alert(1)</script>', '<script>alert(1)</script>'],
  ])('%j is shown as %j', (raw, text) => {
    expect(plain(raw)).toBe(text);
    expect(spans(raw).map((s) => s.text).join('')).toBe(text);
  });
  it('brings true colours to one of sixteen', () => {
    expect(spans('\x1b[38;2;255;0;0mx')[0]!.fg).toBe(1);
    expect(spans('\x1b[48;2;20;20;20mx')[0]!.bg).toBe(0);
    expect(spans('\x1b[91mx')[0]!.fg).toBe(9);
  });
});

describe('heights', () => {
  it('finds rows and offsets over many blocks', () => {
    const h = new Heights();
    for (let i = 0; i < 5000; i++) h.push(i % 2 ? 10 : 20);
    expect(h.total).toBe(75_000);
    expect(h.offset(4000)).toBe(60_000);
    expect(h.find(60_000)).toBe(4000);
    expect(h.find(60_019)).toBe(4000);
    expect(h.find(60_020)).toBe(4001);
    expect(h.find(1e9)).toBe(4999);
    expect(h.set(0, 50)).toBe(30);
    expect(h.offset(4000)).toBe(60_030);
  });
});

const line = (text: string, more: Partial<LogLine> = {}): LogLine => ({
  time: '2026-05-01T10:00:00.000000001Z',
  stream: 'stdout',
  text,
  ...more,
});

async function modelOf(lines: LogLine[]): Promise<LogModel> {
  const model = new LogModel(
    async (_q, sink) => sink(lines),
    (work) => work(),
  );
  await model.open();
  return model;
}

describe('LogModel', () => {
  it('joins the parts of a long line', async () => {
    const model = await modelOf([line('a', { partial: true }), line('b'), line('c')]);
    expect(model.text()).toBe('ab\nc\n');
    expect(model.phase).toBe('ended');
  });
  it('sifts by stream and by query', async () => {
    const model = await modelOf([line('one'), line('Two', { stream: 'stderr' }), line('\x1b[31mtwo\x1b[0m more')]);
    model.setQuery('two');
    expect(model.hits).toEqual([1, 2]);
    expect(model.count).toBe(3);
    model.setOnly(true);
    expect(model.text()).toBe('Two\ntwo more\n');
    model.setStream('stderr');
    expect(model.text()).toBe('Two\n');
    model.setStream('all');
    model.setQuery('');
    expect(model.count).toBe(3);
  });
  it('goes on after a restart without repeating the last line', async () => {
    const batches = [[line('a')], [line('a'), line('b', { time: '2026-05-01T10:00:00.000000002Z' })]];
    const asked: unknown[] = [];
    const model = new LogModel(
      async (q, sink) => {
        asked.push(q.since);
        sink(batches.shift()!);
      },
      (work) => work(),
    );
    await model.open();
    await model.resume();
    expect(model.text()).toBe('a\nb\n');
    expect(asked).toEqual([undefined, '2026-05-01T10:00:00.000000001Z']);
  });
});
