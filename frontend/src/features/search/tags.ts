import type { Repository, Tag } from '$lib/api/types';

export type Order = 'date' | 'version';

/** Tags newest first, or by version, the highest first; latest always leads. */
export function sorted(tags: Tag[], order: Order): Tag[] {
  const compare = order === 'date' ? newer : (a: Tag, b: Tag) => compareVersions(b.name, a.name);
  return tags.toSorted((a, b) => Number(b.name === 'latest') - Number(a.name === 'latest') || compare(a, b));
}

// A stable sort keeps the registry's order where it tells no times.
function newer(a: Tag, b: Tag): number {
  return Date.parse(b.updated ?? '1970') - Date.parse(a.updated ?? '1970');
}

/** 1.10 after 1.9, 2.0 after 2.0-rc1, words in their order. */
export function compareVersions(a: string, b: string): number {
  const [x, y] = [parts(a), parts(b)];
  for (let i = 0; i < Math.max(x.length, y.length); i++) {
    const [p, q] = [x[i], y[i]];
    if (p === q) continue;
    if (p === undefined) return typeof q === 'number' ? -1 : 1; // 2.0 is after 2.0-rc1, and before 2.0.1
    if (q === undefined) return typeof p === 'number' ? 1 : -1;
    if (typeof p !== typeof q) return typeof p === 'number' ? 1 : -1;
    return p < q ? -1 : 1;
  }
  return 0;
}

function parts(tag: string): (string | number)[] {
  const found = tag.replace(/^v(?=\d)/i, '').match(/\d+|[a-z]+/gi) ?? [];
  return found.map((part) => (/^\d/.test(part) ? Number(part) : part.toLowerCase()));
}

/** The tags that stand for the same image as latest, the most telling first. */
export function namesOfLatest(repository: Repository): string[] {
  const others = repository.latestIs.filter((name) => name !== 'latest');
  return others.toSorted((a, b) => digits(b) - digits(a) || a.length - b.length).slice(0, 3);
}

function digits(tag: string): number {
  return tag.match(/\d+/g)?.length ?? 0;
}

/** Whether tag may be typed although it is not listed. */
export function isTag(tag: string): boolean {
  return /^\w[\w.-]{0,127}$/.test(tag);
}
