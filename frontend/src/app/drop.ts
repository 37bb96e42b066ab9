export type Dropped = 'archive' | 'compose' | 'dockerfile' | 'unknown';

/** What a file is, by its name. */
export function kindOf(name: string): Dropped {
  const lower = name.toLowerCase();
  if (/\.(?:tar|tgz|tar\.(?:gz|zst|xz|bz2)|oci)$/.test(lower)) return 'archive';
  if (/\.ya?ml$/.test(lower)) return 'compose';
  if (/^(?:docker|container)file(?:\..+)?$|\.(?:docker|container)file$/.test(lower)) return 'dockerfile';
  return 'unknown';
}
