import { describe, expect, it } from 'vitest';
import { parseInline, plainText } from './inline';
import { parse } from './parse';

const inline = (text: string) => parseInline(text);

describe('inline', () => {
  it('links only to http(s)', () => {
    expect(inline('[a](https://example.org/x)')).toEqual([{ kind: 'link', href: 'https://example.org/x', children: [{ kind: 'text', text: 'a' }] }]);
    expect(inline('[a](javascript:alert(1))')).toEqual([{ kind: 'text', text: 'a' }]);
    expect(inline('[a](data:text/html,x) b')).toEqual([{ kind: 'text', text: 'a' }, { kind: 'text', text: ' b' }]);
    expect(inline('[a](#part)')).toEqual([{ kind: 'text', text: 'a' }]);
  });
  it('has no tags and keeps words in angles', () => {
    expect(plainText(inline('a <b onclick="x()">bold</b> <script>alert(1)</script> <your-name>'))).toBe('a bold <script>alert(1)</script> <your-name>');
  });
  it('shows pictures by what they say', () => {
    expect(inline('![logo](https://example.org/l.png)')).toEqual([{ kind: 'image', alt: 'logo', href: 'https://example.org/l.png' }]);
    expect(inline('<img src="https://example.org/x" alt="a logo">')[0]).toMatchObject({ kind: 'image', alt: 'a logo' });
  });
  it('knows emphasis, code, entities and bare addresses', () => {
    expect(inline('**a** *b* `c * d` &lt;e&gt; f_g_h https://example.org.')).toEqual([
      { kind: 'strong', children: [{ kind: 'text', text: 'a' }] },
      { kind: 'text', text: ' ' },
      { kind: 'em', children: [{ kind: 'text', text: 'b' }] },
      { kind: 'text', text: ' ' },
      { kind: 'code', text: 'c * d' },
      { kind: 'text', text: ' <e> f_g_h ' },
      { kind: 'link', href: 'https://example.org', children: [{ kind: 'text', text: 'https://example.org' }] },
      { kind: 'text', text: '.' },
    ]);
  });
});

describe('blocks', () => {
  const kinds = (text: string) => parse(text).blocks.map((b) => b.kind);
  it('divides a page', () => {
    expect(kinds('# a\n\ntext\nmore\n\n- one\n- two\n  - three\n\n```sh\n# no heading\n```\n> q\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n\n---\n\nb\n===')).toEqual([
      'heading', 'paragraph', 'list', 'code', 'quote', 'table', 'rule', 'heading',
    ]);
  });
  it('nests lists', () => {
    expect(parse('1. a\n   - b\n2. c').blocks[0]).toMatchObject({
      kind: 'list', ordered: true, items: [[{ text: 'a' }, { kind: 'list', items: [[{ text: 'b' }]] }], [{ text: 'c' }]],
    });
  });
  it('finds addresses by their names', () => {
    const { blocks, references } = parse('see [the page][p]\n\n[p]: https://example.org/p "title"');
    expect(blocks).toHaveLength(1);
    expect(parseInline('see [the page][p]', references)[1]).toMatchObject({ kind: 'link', href: 'https://example.org/p' });
  });
  it.each([
    ['angles', '<'.repeat(200_000)],
    ['stars', '*a '.repeat(100_000)],
    ['lines under', '_a'.repeat(100_000)],
    ['brackets', '['.repeat(100_000) + ']'.repeat(100_000)],
    ['ticks', Array.from({ length: 600 }, (_, i) => '`'.repeat(i)).join(' ')],
    ['quotes', '>'.repeat(100_000)],
    ['lists', '- '.repeat(50_000)],
    ['bars', '|'.repeat(100_000) + '\n' + '|-'.repeat(50_000)],
    ['hashes', '# ' + '# '.repeat(100_000)],
  ])('a megabyte of %s comes to an end', (_, text) => {
    const visit = (blocks: ReturnType<typeof parse>['blocks']): void =>
      blocks.forEach((b) => {
        if ('text' in b) parseInline(b.text);
        if (b.kind === 'quote') visit(b.blocks);
        if (b.kind === 'list') b.items.forEach(visit);
      });
    visit(parse(text).blocks);
  });
});
