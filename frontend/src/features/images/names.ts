import type { Image } from '$lib/api/types';
import { familiarName, shortID } from '$lib/format';

/** What an image is called in sentences. */
export function titleOf(i: Image): string {
  const name = i.names[0];
  return name ? familiarName(name) : shortID(i.id);
}

/** What to name it by to the engine: a name where it has one. */
export function refOf(i: Image): string {
  return i.names[0] ?? i.id;
}

export function matches(i: Image, filter: string): boolean {
  const wanted = filter.trim().toLowerCase();
  if (wanted === '') return true;
  return [...i.names, i.id, i.digest].some((text) => text.toLowerCase().includes(wanted));
}
