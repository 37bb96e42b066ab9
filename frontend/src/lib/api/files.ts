import type { Transport } from './transport';
import type * as t from './types';

/** Entries of a directory that are asked for at a time. */
const page = 2000;
/** No more of one directory is listed. */
export const mostEntries = 20_000;

/** The verbs of api.Files, typed. */
export class Files {
  constructor(private readonly transport: Transport) {}

  /** A whole directory, page by page; what is over the bound is left out (total tells). */
  async list(at: t.FilePath, signal?: AbortSignal): Promise<t.DirPage> {
    let whole: t.DirPage | undefined;
    for (;;) {
      const offset = whole?.entries.length ?? 0;
      const next = await this.transport.call<t.DirPage>('Files', [{ at, offset, limit: page }], signal);
      const entries = [...(whole?.entries ?? []), ...(next.entries ?? [])];
      whole = { ...next, entries, deleted: next.deleted ?? [] };
      if (!next.entries?.length || entries.length >= Math.min(next.total, mostEntries)) return whole;
    }
  }
  info = (at: t.FilePath, follow: boolean, signal?: AbortSignal) =>
    this.transport.call<t.FileInfo>('FileInfo', [{ at, follow }], signal);
  read = (at: t.FilePath, limit: number, signal?: AbortSignal) =>
    this.transport.download('ReadFile', [{ at, limit }], signal);
  archive = (at: t.FilePath, signal?: AbortSignal) => this.transport.download('GetArchive', [{ at }], signal);
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
