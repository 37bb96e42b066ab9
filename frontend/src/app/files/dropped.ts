// What was dropped, with what is in folders.
import type { Item } from './tar';

/** No more is taken at once: the list itself has to be held. */
export const mostItems = 50_000;

export interface Dropped {
  items: Item[];
  /** What could not be read. */
  unread: string[];
  folders: boolean;
  /** There is more than mostItems. */
  many: boolean;
}

/** Has to be called while the drop is handled; what is in folders is read after that. */
export function dropped(data: DataTransfer | null): Promise<Dropped> {
  const entries: (FileSystemEntry | File)[] = [];
  for (const item of data?.items ?? []) {
    if (item.kind !== 'file') continue;
    const found = item.webkitGetAsEntry?.() ?? item.getAsFile();
    if (found) entries.push(found);
  }
  return gather(entries);
}

/** A folder that was chosen: its files, each with its path, and the folders on the way there. Empty ones a browser does not tell of. */
export function chosenFolder(list: readonly File[]): Dropped {
  const all: Dropped = { items: [], unread: [], folders: true, many: list.length > mostItems };
  const made = new Set<string>();
  for (const file of all.many ? [] : list) {
    const path = file.webkitRelativePath || file.name;
    for (let at = path.indexOf('/'); at > 0; at = path.indexOf('/', at + 1)) {
      const folder = path.slice(0, at);
      if (!made.has(folder)) all.items.push({ path: folder });
      made.add(folder);
    }
    all.items.push({ path, file });
  }
  return all;
}

/** Reads the trees below entries. */
export async function gather(entries: (FileSystemEntry | File)[]): Promise<Dropped> {
  const all: Dropped = { items: [], unread: [], folders: false, many: false };
  for (const entry of entries) {
    if (entry instanceof File) all.items.push({ path: entry.name, file: entry });
    else await add(all, entry, entry.name);
  }
  return all;
}

async function add(all: Dropped, entry: FileSystemEntry, path: string): Promise<void> {
  if (all.items.length >= mostItems) all.many = true;
  if (all.many) return;
  try {
    if (entry.isFile) {
      const file = await new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));
      await file.slice(0, 1).arrayBuffer(); // one that may not be read would end the whole upload
      all.items.push({ path, file });
      return;
    }
    all.folders = true;
    all.items.push({ path });
    for (const child of await childrenOf(entry as FileSystemDirectoryEntry)) await add(all, child, `${path}/${child.name}`);
  } catch {
    all.unread.push(path);
  }
}

/** A directory tells a part of what it has at a time, and nothing at the end. */
async function childrenOf(dir: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = dir.createReader();
  const all: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return all;
    all.push(...some);
  }
}
