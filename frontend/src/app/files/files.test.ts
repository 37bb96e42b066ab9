import { describe, expect, it } from 'vitest';
import { Files, mostEntries } from '$lib/api/files';
import type { Transport } from '$lib/api/transport';
import type { DirQuery, FileInfo } from '$lib/api/types';
import { contentOf, hex } from './content';
import { chosenFolder, gather, mostItems } from './dropped';
import { badName, crumbs, join, legible, parentOf, parseMode } from './paths';
import { tarOf } from './tar';

const bytes = (text: string) => new TextEncoder().encode(text);

describe('paths', () => {
  it('shows bytes that are no text, and what would not be seen', () => {
    expect(legible('ü 📈 \udcff\n')).toBe('ü 📈 \\xff\\x0a');
  });

  it('join and part', () => {
    expect([join('/', 'a'), join('/a b', 'c:d')]).toEqual(['/a', '/a b/c:d']);
    expect([parentOf('/a'), parentOf('/a/b')]).toEqual(['/', '/a']);
    expect(crumbs('/a/b c')).toEqual([{ name: 'a', path: '/a' }, { name: 'b c', path: '/a/b c' }]);
    expect(crumbs('/')).toEqual([]);
  });
  it('know what is no name', () => {
    expect(['', 'a/b', '.', '..', 'é'.repeat(128)].map(badName)).toEqual(['empty', 'slash', 'dots', 'dots', 'long']);
    for (const name of ['a', '...', '-rf', ' ', 'ü'.repeat(127), '<b>']) expect(badName(name)).toBeUndefined();
  });
  it('read modes', () => {
    expect(['755', '0644', '4755', ' 600 '].map(parseMode)).toEqual([0o755, 0o644, 0o4755, 0o600]);
    for (const bad of ['', '8', '999', '77777', 'rwx']) expect(parseMode(bad)).toBeUndefined();
  });
});

describe('contentOf', () => {
  it('tells text from what is none', () => {
    expect(contentOf(bytes('héllo'), true)).toEqual({ kind: 'text', text: 'héllo', whole: true });
    expect(contentOf(bytes('hé').subarray(0, 2), false)).toEqual({ kind: 'text', text: 'h', whole: false });
    expect(contentOf(new Uint8Array([0x41, 0, 0x42]), true).kind).toBe('binary');
    expect(contentOf(new Uint8Array([0xff, 0xfe, 0x41]), true).kind).toBe('binary');
    expect(contentOf(new Uint8Array(), true)).toEqual({ kind: 'text', text: '', whole: true });
  });
  it('shows images as data, and markup as text', () => {
    const png = contentOf(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), true);
    expect(png).toEqual({ kind: 'image', url: 'data:image/png;base64,iVBORw0KGgo=' });
    expect(contentOf(bytes('<svg onload="alert(1)"/>'), true).kind).toBe('text');
  });
  it('dumps bytes', () => {
    expect(hex(bytes('AB\n'))).toBe(`00000000  41 42 0a${' '.repeat(39)}  AB.`);
  });
});

describe('what is dropped', () => {
  const file = (name: string, text = '') =>
    ({ isFile: true, name, file: (got: (f: File) => void) => got(new File([text], name, { lastModified: 1000 })) }) as unknown as FileSystemEntry;
  const unreadable = (name: string) => ({ isFile: true, name, file: (_: unknown, failed: (e: Error) => void) => failed(new Error('no')) }) as unknown as FileSystemEntry;
  const folder = (name: string, ...children: FileSystemEntry[]) =>
    ({
      isDirectory: true,
      name,
      createReader: () => ({ readEntries: (got: (some: FileSystemEntry[]) => void) => got(children.splice(0, 2)) }),
    }) as unknown as FileSystemEntry;

  it('comes with its tree', async () => {
    const all = await gather([folder('a', file('1'), folder('b', file('2')), file('3'), folder('empty')), file('x'), new File(['y'], 'y')]);
    expect(all.items.map((i) => i.path + (i.file ? '' : '/'))).toEqual(['a/', 'a/1', 'a/b/', 'a/b/2', 'a/3', 'a/empty/', 'x', 'y']);
    expect([all.folders, all.unread, all.many]).toEqual([true, [], false]);
  });
  it('says what cannot be read', async () => {
    const all = await gather([folder('a', unreadable('secret'), file('1'))]);
    expect([all.items.length, all.unread]).toEqual([2, ['a/secret']]);
  });
  it('is a folder that was chosen, with those on the way', () => {
    const at = (path: string) => Object.defineProperty(new File([''], path.split('/').at(-1)!), 'webkitRelativePath', { value: path });
    const all = chosenFolder([at('a/1'), at('a/b/c/2'), at('a/b/3')]);
    expect(all.items.map((i) => i.path + (i.file ? '' : '/'))).toEqual(['a/', 'a/1', 'a/b/', 'a/b/c/', 'a/b/c/2', 'a/b/3']);
    const one = at('a/1');
    expect(chosenFolder(Array.from({ length: mostItems + 1 }, () => one))).toMatchObject({ items: [], many: true });
  });
  it('is packed with names of any length and kind', async () => {
    const long = `${'ü'.repeat(120)}/${'x'.repeat(100)}`;
    const packed = tarOf([{ path: 'd' }, { path: long, file: new File(['text'], 'f', { lastModified: 5_000 }) }, { path: "-rf\n'", file: new File([], 'g') }]);
    const bytes = new Uint8Array(await packed.arrayBuffer());
    const names: string[] = [];
    for (let at = 0; bytes[at]; ) {
      const field = (from: number, length: number) => new TextDecoder().decode(bytes.subarray(at + from, at + from + length)).replace(/\0.*$/s, '');
      const size = parseInt(field(124, 11), 8);
      const sum = bytes.subarray(at, at + 512).reduce((s, b, n) => s + (n >= 148 && n < 156 ? 32 : b), 0);
      expect(parseInt(field(148, 6), 8)).toBe(sum);
      if (field(156, 1) === 'x') {
        const [, length, name] = /^(\d+) path=([^]*?)\n\d+ mtime=/.exec(field(512, size))!;
        expect(new TextEncoder().encode(`${length} path=${name}\n`).length).toBe(Number(length));
        names.push(name!);
      }
      at += 512 + Math.ceil(size / 512) * 512;
    }
    expect(names).toEqual(['d/', long, "-rf\n'"]);
    expect(bytes.length % 512).toBe(0);
  });
});

describe('a directory', () => {
  const file = (n: number) => ({ path: `/${n}` }) as FileInfo;
  /** What a directory of so many files answers; each answer moves the next by shift. */
  function directory(total: number, shift = 0) {
    const asked: DirQuery[] = [];
    const call = (_: string, [q]: unknown[]) => {
      const { offset = 0, limit = 0 } = q as DirQuery;
      const from = Math.max(0, offset - asked.length * shift);
      asked.push(q as DirQuery);
      return Promise.resolve({ path: '/', total, entries: Array.from({ length: Math.min(limit, total - from) }, (_, n) => file(from + n)), marked: true, deleted: null });
    };
    return { asked, files: new Files({ call } as unknown as Transport) };
  }

  it('is shown from its first page on', async () => {
    const { files, asked } = directory(10_000);
    const begun: number[] = [];
    const page = await files.list({ path: '/' }, undefined, (p) => begun.push(p.entries.length));
    expect([page.entries.length, begun, asked.length, page.deleted]).toEqual([10_000, [500], 2, []]);
    expect(page.entries.map((f) => f.path)).toEqual(Array.from({ length: 10_000 }, (_, n) => `/${n}`));
  });
  it('has no file twice where others came before it meanwhile', async () => {
    const { files } = directory(1000, 3);
    const page = await files.list({ path: '/' });
    expect(new Set(page.entries.map((f) => f.path)).size).toBe(page.entries.length);
  });
  it('is listed up to a bound', async () => {
    const page = await directory(50_000).files.list({ path: '/' });
    expect([page.entries.length, page.total]).toEqual([mostEntries, 50_000]);
  });
  it('may be small or empty', async () => {
    expect((await directory(0).files.list({ path: '/' })).entries).toEqual([]);
    const { files, asked } = directory(500);
    expect([(await files.list({ path: '/' })).entries.length, asked.length]).toEqual([500, 1]);
  });
});
