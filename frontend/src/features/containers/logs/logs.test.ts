import { describe, expect, it } from 'vitest';
import type { LogLine, LogQuery } from '$lib/api/types';
import { plain, spans } from './ansi';
import { Heights } from './heights';
import { type Clock, timeOf } from './measure';
import { LogModel, page, type Source } from './model.svelte';
import { type Show, spansOf } from './show';

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
    h.prepend([1, 2]);
    expect([h.length, h.offset(2), h.find(4)]).toEqual([5002, 3, 2]);
    h.keep(2, 10);
    expect([h.length, h.total]).toEqual([10, 180]);
  });
});

const line = (n: number, more: Partial<LogLine> = {}): LogLine => ({
  time: new Date(Date.UTC(2026, 4, 1) + n * 1000).toISOString(),
  stream: 'stdout',
  text: `line ${n}`,
  cursor: String(n),
  ...more,
});

/** Answers as the engine does. */
function engineWith(log: LogLine[], asked: LogQuery[] = []): Source {
  return async (q, sink) => {
    asked.push(q);
    const after = q.after === undefined ? -1 : Number(q.after);
    const before = q.before === undefined ? Infinity : Number(q.before);
    let found = log.filter((l) => Number(l.cursor) > after && Number(l.cursor) < before && (!q.since || l.time >= q.since));
    if (q.search) found = found.filter((l) => l.text.toLowerCase().includes(q.search!.toLowerCase()));
    if (q.stream) found = found.filter((l) => l.stream === q.stream);
    if (q.tail !== undefined) found = found.slice(-q.tail);
    if (q.limit) found = found.slice(0, q.limit);
    sink(found);
  };
}

const modelOf = (source: Source) => new LogModel(source, (work) => work());
const texts = (model: LogModel) => model.lines.map((l) => l.text);

describe('LogModel', () => {
  it('joins the parts of a long line', async () => {
    const model = modelOf(engineWith([line(0, { text: 'a', partial: true }), line(1, { text: 'b' }), line(2, { text: 'c' })]));
    await model.open();
    expect(model.text()).toBe('ab\nc\n');
    expect(model.phase).toBe('ended');
  });
  it('knows of older lines also where the newest come piece by piece', async () => {
    const model = modelOf(async (_q, sink) => {
      for (let n = 0; n < page; n += 100) await sink(Array.from({ length: 100 }, (_, i) => line(n + i)));
    });
    await model.open();
    expect(model.older).toBe(true);
    expect(model.count).toBe(page);
  });
  it('reads what is above and below when it is wanted', async () => {
    const model = modelOf(engineWith(Array.from({ length: 5000 }, (_, n) => line(n))));
    await model.open();
    expect([texts(model)[0], model.older, model.newer]).toEqual(['line 4000', true, false]);
    await model.more('older');
    expect([texts(model)[0], model.count, model.moved]).toEqual(['line 3000', 2000, 1000]);
    await model.openAround('2000');
    expect([texts(model)[0], model.indexOf('2000'), model.count, model.older, model.newer]).toEqual(['line 1000', 1000, 2000, true, true]);
    for (let n = 0; n < 3; n++) await model.more('newer');
    expect([texts(model).at(-1), model.newer]).toEqual(['line 4999', false]);
    await model.openAt('');
    expect([texts(model)[0], model.older, model.newer]).toEqual(['line 0', false, true]);
    await model.openAt(line(10).time);
    expect([texts(model)[0], model.indexOf('10')]).toEqual(['line 0', 10]);
  });
  it('knows of older lines however the newest arrive', async () => {
    const lines = Array.from({ length: 1000 }, (_, n) => line(n));
    const model = modelOf(async (_, sink) => [lines.slice(0, 300), lines.slice(300)].forEach(sink));
    await model.open();
    expect([model.count, model.older]).toEqual([1000, true]);
  });
  it('holds a part of very many', async () => {
    const model = modelOf(engineWith(Array.from({ length: 100_000 }, (_, n) => line(n))));
    await model.openAt('');
    for (let n = 0; n < 60; n++) await model.more('newer');
    expect([model.count, texts(model).at(-1), model.older]).toEqual([40_000, 'line 60999', true]);
    for (let n = 0; n < 25; n++) await model.more('older');
    expect([model.count, texts(model)[0], model.newer]).toEqual([40_000, 'line 0', true]);
  });
  it('finds what it does not hold', async () => {
    const model = modelOf(engineWith(Array.from({ length: 5000 }, (_, n) => line(n))));
    await model.open();
    await model.search('LINE 77');
    expect([model.hits[0], model.hits.length, model.indexOf('77')]).toEqual(['77', 11, -1]);
    model.only = true;
    await model.reopen(model.hits[0]);
    expect([texts(model).length, model.indexOf('77')]).toEqual([11, 0]);
  });
  it('goes on after a restart where it was', async () => {
    const log = [line(0)];
    const asked: LogQuery[] = [];
    const model = modelOf(engineWith(log, asked));
    await model.open();
    log.push(line(1));
    await model.resume();
    expect(texts(model)).toEqual(['line 0', 'line 1']);
    expect(asked.map((q) => q.after)).toEqual([undefined, '0']);
  });
});

describe('ways to show a line', () => {
  const shown = (text: string, how: Show) => spansOf(text, how).map((s) => s.text).join('');
  it.each([
    ['{"level":"info","msg":"hello","n":1,"who":"a b","x":{"y":[1]}}', 'hello n=1 who="a b" x={"y":[1]} '],
    ['{"msg":"a\\u001b[31mb\\u202ec"}', 'a [31mb c '],
    ['{"torn":', '{"torn":'],
    ['[1]', '[1]'],
    ['plain', 'plain'],
  ])('%j as fields is %j', (text, want) => expect(shown(text, 'fields')).toBe(want));
  it('shows each byte', () => {
    expect(shown('a\x1b[31mb\t\x7f\u202e', 'raw')).toBe('a\u241b[31mb\u2409\u2421<202e>');
    expect(shown('', 'raw')).toBe('');
  });
  it.each<[Clock, string]>([
    ['none', ''],
    ['utc', '2026-05-01 00:01:00.000Z'],
    ['relative', '2 min ago'],
  ])('time %s', (clock, want) => {
    if (clock !== 'none') expect(timeOf(line(60).time, clock, Date.parse(line(180).time))).toBe(want);
  });
});
