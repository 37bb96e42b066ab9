import type { ImageFile } from '$lib/api/types';

/** A row of the tree of files. */
export interface FileRow {
  file: ImageFile;
  name: string;
  level: number; // from 1
  open: boolean;
  loading: boolean;
}

export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1) || path;
}

/** Directories first, then by name, as file managers have them. */
export function inOrder(files: ImageFile[]): ImageFile[] {
  return files.toSorted((a, b) => Number(b.dir ?? false) - Number(a.dir ?? false) || compare(nameOf(a.path), nameOf(b.path)));
}

const collator = new Intl.Collator('en', { numeric: true });

function compare(a: string, b: string): number {
  return collator.compare(a, b) || (a < b ? -1 : 1);
}

/** What is seen of a tree whose open directories are known, top down. */
export function flatten(children: Map<string, ImageFile[]>, open: Set<string>, root = '/', level = 1): FileRow[] {
  const rows: FileRow[] = [];
  for (const file of children.get(root) ?? []) {
    const isOpen = file.dir === true && open.has(file.path);
    rows.push({ file, name: nameOf(file.path), level, open: isOpen, loading: isOpen && !children.has(file.path) });
    if (isOpen) rows.push(...flatten(children, open, file.path, level + 1));
  }
  return rows;
}

/** The directories above a path, from the top. */
export function parents(path: string): string[] {
  const parts = path.split('/').filter(Boolean).slice(0, -1);
  return parts.map((_, at) => `/${parts.slice(0, at + 1).join('/')}`);
}
