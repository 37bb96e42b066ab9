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

/** A file's name for an archive of these images. */
export function fileNameOf(images: Image[]): string {
  const [first] = images;
  const stem = images.length === 1 && first ? titleOf(first) : 'images';
  return `${stem.replace(/[^\w.-]+/g, '_').replace(/^[_.]+/, '').slice(0, 100) || 'image'}.tar`;
}

/** Whether an address names an image by its name, which may be elsewhere, and not by its id. */
export function isName(ref: string): boolean {
  return !/^(?:sha256:)?[0-9a-f]{12,64}$/.test(ref);
}

export function matches(i: Image, filter: string): boolean {
  const wanted = filter.trim().toLowerCase();
  if (wanted === '') return true;
  return [...i.names, ...i.repoDigests, i.id, i.digest].some((text) => text.toLowerCase().includes(wanted));
}
