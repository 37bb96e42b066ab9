import type { Transport } from './transport';
import type * as t from './types';

/** Entries of a directory that are asked for at first: more than a screen has. */
const firstPage = 500;
/** And then at a time. */
const nextPage = 10_000;
/** No more of one directory is listed. */
export const mostEntries = 20_000;

/** The verbs of api.Files, typed. */
export class Files {
  constructor(private readonly transport: Transport) {}

  /** A whole directory, whose first page is shown before; what is over the bound is left out (total tells). */
  async list(at: t.FilePath, signal?: AbortSignal, show: (begun: t.DirPage) => void = () => {}): Promise<t.DirPage> {
    let whole = await this.page(at, 0, firstPage, signal);
    for (let offset = firstPage; offset < Math.min(whole.total, mostEntries); offset += nextPage) {
      show(whole);
      const next = await this.page(at, offset, Math.min(nextPage, mostEntries - offset), signal);
      whole = { ...next, entries: joined(whole.entries, next.entries) };
    }
    return whole;
  }
  private async page(at: t.FilePath, offset: number, limit: number, signal?: AbortSignal): Promise<t.DirPage> {
    const page = await this.transport.call<t.DirPage>('Files', [{ at, offset, limit }], signal);
    return { ...page, entries: page.entries ?? [], deleted: page.deleted ?? [] };
  }
  info = (at: t.FilePath, follow: boolean, signal?: AbortSignal) =>
    this.transport.call<t.FileInfo>('FileInfo', [{ at, follow }], signal);
  read = (at: t.FilePath, limit: number, signal?: AbortSignal) =>
    this.transport.download('ReadFile', [{ at, limit }], signal);
  /** A directory, or only some names in it, as a tar. */
  archive = (at: t.FilePath, only: string[] = [], signal?: AbortSignal) =>
    this.transport.download('GetArchive', [only.length > 0 ? { at, only } : { at }], signal);
  /** Unpacks a tar in a directory. */
  unpack = (at: t.FilePath, body: Blob, progress: (sent: number) => void, signal: AbortSignal) =>
    this.transport.upload<t.Unpacked>('PutArchive', body, progress, signal, [{ at }]);
  write = (at: t.FilePath, body: Blob, version = '', progress: (sent: number) => void = () => {}, signal?: AbortSignal) =>
    this.transport.upload<t.FileInfo>('WriteFile', body, progress, signal, [{ at, version }]);
  makeDir = (at: t.FilePath) => this.transport.call<t.FileInfo>('MakeDir', [at]);
  move = (at: t.FilePath, to: string) => this.transport.call<null>('MoveFile', [at, to]);
  remove = (at: t.FilePath) => this.transport.call<null>('DeleteFile', [at]);
  change = (change: t.FileChange) => this.transport.call<null>('ChangeFile', [change]);
  /** What there is to open a terminal with; where it cannot be told, a guess. */
  async shells(container: string): Promise<t.Shells> {
    try {
      const found = await this.transport.call<t.Shells>('Shells', [container]);
      return { shells: found.shells ?? [], users: found.users ?? [] };
    } catch {
      return { shells: ['/bin/sh'], users: ['root'] };
    }
  }
}

/** Pages one after another; what was made meanwhile has moved others from one to the next. */
function joined(before: t.FileInfo[], after: t.FileInfo[]): t.FileInfo[] {
  const known = new Set(before.map((f) => f.path));
  return [...before, ...after.filter((f) => !known.has(f.path))];
}
