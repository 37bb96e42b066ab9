/** A registry's address as people paste it, without scheme and path; "" where it cannot be one. */
export function hostOf(text: string): string {
  const host = text.trim().replace(/^https?:\/\//i, '').replace(/\/+$/, '').toLowerCase();
  const name = /^(?:[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(?::\d{1,5})?$/;
  const six = /^\[[0-9a-f:]{2,45}\](?::\d{1,5})?$/;
  const path = /^[^/]+(\/[a-z0-9._-]+)*$/;
  const first = host.split('/', 1)[0] ?? '';
  if (!path.test(host) || !(name.test(first) || six.test(first))) return '';
  // One word is a name of an image, unless it is this computer.
  return /[.:]/.test(first) || first === 'localhost' ? host : '';
}

/** The lines of a box that say something. */
export function linesOf(text: string): string[] {
  return text.split('\n').map((line) => line.trim()).filter(Boolean);
}

/** The list with one entry moved by a place. */
export function moved(list: string[], entry: string, by: number): string[] {
  const from = list.indexOf(entry);
  const to = from + by;
  if (from < 0 || to < 0 || to >= list.length) return list;
  return list.toSpliced(from, 1).toSpliced(to, 0, entry);
}
