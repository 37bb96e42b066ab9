import { describe, expect, it } from 'vitest';
import type { SearchPage } from '$lib/api/types';
import { looksComplete, looksLikeAddress, placed, SearchModel } from './search.svelte';

const page = (registry: string): SearchPage => ({ registry, results: [] });

describe('SearchModel', () => {
  it('ends the older question and drops its late answers', async () => {
    const sinks: ((pages: SearchPage[]) => void)[] = [];
    const signals: AbortSignal[] = [];
    const model = new SearchModel((_q, sink, signal) => {
      sinks.push(sink);
      signals.push(signal);
      return new Promise(() => {});
    });
    model.term = 'a';
    void model.now();
    model.term = 'ab';
    void model.now();
    sinks[0]!([page('old')]);
    sinks[1]!([page('new')]);
    expect(signals[0]!.aborted).toBe(true);
    expect(model.pages.map((p) => p.registry)).toEqual(['new']);
  });
  it('shows what arrived even where the end is an error', async () => {
    const model = new SearchModel(async (_q, sink) => {
      sink([page('one')]);
      throw new TypeError('gone');
    });
    model.term = 'x';
    await model.now();
    expect(model.pages).toHaveLength(1);
    expect(model.error?.kind).toBe('unavailable');
    expect(model.busy).toBe(false);
  });
});

describe('looksComplete', () => {
  it.each([
    ['nginx', false],
    ['nginx:1.27', true],
    ['ghcr.io/a/b', true],
    ['localhost:5000/app:1', true],
    ['what is this', false],
  ])('%j: %s', (term, complete) => expect(looksComplete(term)).toBe(complete));
});

describe('placed', () => {
  const has = (registry: string, name: string, official = false): SearchPage => ({ registry, results: [{ name, description: '', stars: 0, official }] });
  const failed: SearchPage = { registry: 'bad', results: [], error: { kind: 'unavailable', msg: 'gone' } };
  const order = (pages: SearchPage[], touched = false) =>
    pages.reduce<SearchPage[]>((all, p) => placed(all, p, 'nginx', touched), []).map((p) => p.registry);

  it('puts official and exact names first, and what failed last', () => {
    const pages = [failed, page('empty'), has('like', 'like/my-nginx-x'), has('exact', 'exact/a/nginx'), has('hub', 'docker.io/library/nginx', true)];
    expect(order(pages)).toEqual(['hub', 'exact', 'like', 'empty', 'bad']);
  });
  it('moves nothing once somebody reads', () => {
    expect(order([has('like', 'like/x'), has('hub', 'docker.io/library/nginx', true)], true)).toEqual(['like', 'hub']);
  });
  it('puts a second answer where the first was', () => {
    expect(placed([failed, page('z')], has('bad', 'bad/nginx'), 'nginx', false).map((p) => p.registry)).toEqual(['bad', 'z']);
  });
});

describe('looksLikeAddress', () => {
  it.each([
    ['https://hub.docker.com/_/nginx', true],
    ['docker pull ghcr.io/a/b', true],
    ['docker pull', false],
    ['nginx', false],
  ])('%j: %s', (term, is) => expect(looksLikeAddress(term)).toBe(is));
});
