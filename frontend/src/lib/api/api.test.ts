import { describe, expect, it, vi } from 'vitest';
import { Client } from './client';
import { ApiError } from './errors';
import { Live } from './live.svelte';
import { lineBatches } from './ndjson';
import { detectPlatform } from './platform';
import type { Transport } from './transport';

function streamOf(...chunks: string[]): ReadableStream<Uint8Array> {
  const encoder = new TextEncoder();
  return new ReadableStream({
    start(controller) {
      chunks.forEach((chunk) => controller.enqueue(encoder.encode(chunk)));
      controller.close();
    },
  });
}

describe('lineBatches', () => {
  it('joins what was cut between chunks', async () => {
    const got: string[][] = [];
    for await (const lines of lineBatches(streamOf('{"a":1}\n{"b"', ':2}\n', '{"c":3}'))) got.push(lines);
    expect(got).toEqual([['{"a":1}'], ['{"b":2}'], ['{"c":3}']]);
  });
});

describe('Live', () => {
  it('keeps the identity of rows that did not change', async () => {
    let rows = [
      { id: 'a', n: 1 },
      { id: 'b', n: 1 },
    ];
    const live = new Live(async () => structuredClone(rows), (r) => r.id);
    await live.refresh();
    const [a, b] = live.items;
    rows = [
      { id: 'a', n: 1 },
      { id: 'b', n: 2 },
    ];
    await live.refresh();
    expect(live.items[0]).toBe(a);
    expect(live.items[1]).not.toBe(b);
  });
  it('shows the error, and keeps the last rows once it had some', async () => {
    const answers = [() => Promise.reject(new ApiError({ kind: 'host', msg: 'no' })), async () => [{ id: 'a' }]];
    let at = 0;
    const live = new Live<{ id: string }>(() => answers[at++ % 2]!(), (r) => r.id);
    await live.refresh();
    expect(live.phase).toBe('failed');
    await live.refresh();
    expect(live.phase).toBe('ready');
    await live.refresh();
    expect([live.phase, live.items.length, live.error?.kind]).toEqual(['ready', 1, 'host']);
  });
  it('makes one question of many that come together', async () => {
    const ask = vi.fn(async () => []);
    const live = new Live(ask, () => '');
    await Promise.all([live.refresh(), live.refresh(), live.refresh()]);
    expect(ask.mock.calls.length).toBeLessThanOrEqual(2);
  });
});

describe('Client', () => {
  it("makes empty lists of Go's null ones", async () => {
    const transport = { call: async () => [{ id: 'a', names: null, repoDigests: null, labels: null }] } as unknown as Transport;
    const [image] = await new Client(transport).images({});
    expect(image).toEqual({ id: 'a', names: [], repoDigests: [], labels: {} });
  });
  it('lets three slow calls run at a time', async () => {
    let running = 0;
    let most = 0;
    const transport = {
      call: async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
      },
    } as unknown as Transport;
    const client = new Client(transport);
    await Promise.all(Array.from({ length: 9 }, (_, n) => client.stop(String(n))));
    expect(most).toBe(3);
  });
});

describe('platform', () => {
  const page = (more: object = {}) => ({ open: vi.fn(), ...more }) as unknown as Window & typeof globalThis;
  it('opens only web addresses', () => {
    const w = page();
    const platform = detectPlatform(w);
    for (const url of ['javascript:alert(1)', 'file:///etc/passwd', 'data:text/html,x', ' http://a']) platform.openURL(url);
    expect(w.open).not.toHaveBeenCalled();
    platform.openURL('http://127.0.0.1:8080');
    expect(w.open).toHaveBeenCalledOnce();
  });
  it('asks the bridge where there is one', () => {
    const OpenURL = vi.fn(async () => {});
    const w = page({ go: { main: { Bridge: { OpenURL } } } });
    const platform = detectPlatform(w);
    platform.openURL('https://example.org');
    expect(platform.desktop).toBe(true);
    expect(OpenURL).toHaveBeenCalledWith('https://example.org');
    expect(w.open).not.toHaveBeenCalled();
  });
});
