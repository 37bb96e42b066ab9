import { describe, expect, it } from 'vitest';
import { compareVersions, isTag, namesOfLatest, sorted } from './tags';

const names = (list: { name: string }[]) => list.map((tag) => tag.name);

describe('tags', () => {
  it('are ordered by version', () => {
    const tags = ['1.9', 'latest', '1.10', 'v2.0-rc1', '2.0', '2.0.1', 'edge', '1.10-alpine'].map((name) => ({ name }));
    expect(names(sorted(tags, 'version'))).toEqual(['latest', '2.0.1', '2.0', 'v2.0-rc1', '1.10', '1.10-alpine', '1.9', 'edge']);
    expect(compareVersions('1', '1')).toBe(0);
  });
  it('are ordered by date, as the registry has them where it tells none', () => {
    const tags = [{ name: 'a' }, { name: 'b', updated: '2026-01-01T00:00:00Z' }, { name: 'c', updated: '2026-02-01T00:00:00Z' }, { name: 'd' }];
    expect(names(sorted(tags, 'date'))).toEqual(['c', 'b', 'a', 'd']);
  });
  it('tell what latest is', () => {
    const repository = { name: 'x', description: '', readme: '', stars: 0, tags: [], latestIs: ['latest', 'mainline', '1', '1.27.3', '1.27'] };
    expect(namesOfLatest(repository)).toEqual(['1.27.3', '1.27', '1']);
  });
  it('have rules for their names', () => {
    expect(isTag('1.2-x_y')).toBe(true);
    expect(isTag('-x')).toBe(false);
    expect(isTag('a'.repeat(129))).toBe(false);
  });
});
