/** A name below a directory. */
export function join(dir: string, name: string): string {
  return dir === '/' ? `/${name}` : `${dir}/${name}`;
}

export function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** A name as text: bytes that are none, which come as halves of surrogate pairs, and control characters are escaped. */
export function legible(name: string): string {
  // eslint-disable-next-line no-control-regex
  return name.replaceAll(/[\ud800-\udbff][\udc00-\udfff]|[\udc80-\udcff]|[\u0000-\u001f\u007f]/g, (found) => {
    const code = found.charCodeAt(0);
    if (found.length === 2) return found;
    return `\\x${(code >= 0xdc80 ? code - 0xdc00 : code).toString(16).padStart(2, '0')}`;
  });
}

/** The directories above a path and itself, each with the path that it stands for. */
export function crumbs(path: string): { name: string; path: string }[] {
  const names = path.split('/').filter(Boolean);
  return names.map((name, n) => ({ name, path: `/${names.slice(0, n + 1).join('/')}` }));
}

/** What is wrong with a file's name, as a key of the catalogue; undefined: nothing. */
export function badName(name: string): 'empty' | 'slash' | 'dots' | 'long' | undefined {
  if (name === '') return 'empty';
  if (name.includes('/') || name.includes('\0')) return 'slash';
  if (name === '.' || name === '..') return 'dots';
  return new TextEncoder().encode(name).length > 255 ? 'long' : undefined;
}

/** "0755", "755" or "4755" as a number; undefined where it is none. */
export function parseMode(text: string): number | undefined {
  return /^0?[0-7]{3,4}$/.test(text.trim()) ? parseInt(text.trim(), 8) : undefined;
}
