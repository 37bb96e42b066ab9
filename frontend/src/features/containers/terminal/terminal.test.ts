import { describe, expect, it, vi } from 'vitest';
import { decode, Sessions } from '$lib/api/sessions';
import type { Transport } from '$lib/api/transport';
import { findLinks, webAddress } from './links';
import { splitCommand } from './command';

describe('findLinks', () => {
  it.each([
    ['see http://127.0.0.1:8080/a?b=c.', ['http://127.0.0.1:8080/a?b=c']],
    ['(https://example.org/x_(y)) and HTTPS://EXAMPLE.org!', ['https://example.org/x_(y)', 'HTTPS://EXAMPLE.org']],
    ['javascript:alert(1) file:///etc/passwd ftp://x', []],
    ['http:// https://[', []],
    ['http://good.example\u202egro.live', ['http://good.example']],
  ])('%s', (text, want) => {
    const links = findLinks(text);
    expect(links.map((l) => l.url)).toEqual(want);
    for (const l of links) expect(text.slice(l.start, l.end)).toBe(l.url);
  });
  it('knows the web only', () => {
    expect(webAddress('http://a/b')).toBe('http://a/b');
    for (const bad of ['javascript:alert(1)', 'data:text/html,x', 'wails://wails', '']) expect(webAddress(bad)).toBe('');
  });
});

describe('splitCommand', () => {
  it.each([
    ['  ls  -la /x ', ['ls', '-la', '/x']],
    [`sh -c 'echo "a b"' c\\ d`, ['sh', '-c', 'echo "a b"', 'c d']],
    [`a "b \\" c"''`, ['a', 'b " c']],
    ['""', ['']],
    ['   ', []],
  ])('%s', (text, want) => expect(splitCommand(text)).toEqual(want));
});

describe('Sessions', () => {
  it('sends input in order, and together what waited', async () => {
    const sent: string[] = [];
    const call = async (_method: string, args: unknown[]) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      sent.push(new TextDecoder().decode(decode(args[1] as string)));
    };
    const type = new Sessions({ call } as unknown as Transport).input('id', () => {});
    for (const key of 'hello ☃') type(new TextEncoder().encode(key));
    await vi.waitFor(() => expect(sent.join('')).toBe('hello ☃'));
    expect(sent).toEqual(['h', 'ello ☃']);
  });
  it('tells when input cannot be sent', async () => {
    const failed = vi.fn();
    const call = () => Promise.reject(new Error('ended'));
    new Sessions({ call } as unknown as Transport).input('id', failed)(new Uint8Array([1]));
    await vi.waitFor(() => expect(failed).toHaveBeenCalledOnce());
  });
});
