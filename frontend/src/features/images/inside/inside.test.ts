import { describe, expect, it } from 'vitest';
import type { ImageFile } from '$lib/api/types';
import { hex, isBinary, readable } from './bytes';
import { flatten, inOrder, nameOf, parents } from './tree';

const file = (path: string, dir = false): ImageFile => ({ path, dir, mode: '', uid: 0, gid: 0, size: 0, layer: 1 });
const bytes = (text: string) => new TextEncoder().encode(text);

describe('tree', () => {
  it('has directories first and counts like people', () => {
    expect(inOrder([file('/b10'), file('/b9'), file('/z', true)]).map((f) => f.path)).toEqual(['/z', '/b9', '/b10']);
  });
  it('shows what is open', () => {
    const children = new Map([['/', [file('/a', true), file('/c')]], ['/a', [file('/a/b', true)]]]);
    const rows = flatten(children, new Set(['/a', '/a/b']));
    expect(rows.map((r) => [r.name, r.level, r.open, r.loading])).toEqual([
      ['a', 1, true, false],
      ['b', 2, true, true],
      ['c', 1, false, false],
    ]);
  });
  it('knows what is above', () => {
    expect(parents('/usr/share/x')).toEqual(['/usr', '/usr/share']);
    expect(nameOf('/')).toBe('/');
  });
});

describe('bytes', () => {
  it('are told from text', () => {
    expect(isBinary(bytes('hello\n\tthere'))).toBe(false);
    expect(isBinary(new Uint8Array([0x7f, 0x45, 0]))).toBe(true);
    expect(isBinary(new Uint8Array())).toBe(false);
  });
  it('are shown without power over the page', () => {
    expect(readable(bytes('a\u0007\u001b[31m\u202eb\r\nc'))).toBe('a␇␛[31m⟨U+202E⟩b\nc');
  });
  it('are dumped in sixteens', () => {
    expect(hex(bytes('0123456789abcdefg\u0001'), 100)).toBe(
      '00000000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef\n' +
        `00000010  67 01${' '.repeat(18)}  ${' '.repeat(23)}  g.`,
    );
    expect(hex(new Uint8Array(100), 16).split('\n')).toHaveLength(1);
  });
});
