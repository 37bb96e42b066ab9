import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import type { FileList, FileQuery, ImageFile } from '$lib/api/types';
import { flatten, inOrder, nameOf, parents, type FileRow } from './tree';

type Source = (q: FileQuery, signal: AbortSignal) => Promise<FileList>;

const pause = 180;
const found = 1000;

/** The files of an image: directories are read when they are opened, a search asks for paths. */
export class FilesModel {
  layer = $state(0);
  match = $state('');
  error = $state.raw<ApiError>();
  loaded = $state(false);
  hits = $state.raw<FileList>();
  searching = $state(false);
  current = $state.raw<ImageFile>();

  private readonly children = new SvelteMap<string, ImageFile[]>();
  private readonly open = new SvelteSet<string>();
  private readonly cut = new SvelteSet<string>();
  private stopped = new AbortController();
  private asked: AbortController | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly ref: string,
    private readonly source: Source,
  ) {}

  get rows(): FileRow[] {
    if (this.hits) return inOrder(this.hits.files).map((file) => ({ file, name: file.path, level: 1, open: false, loading: false }));
    return flatten(this.children, this.open);
  }

  /** Directories that have more than is listed. */
  get more(): boolean {
    return this.hits ? this.hits.more === true : this.cut.size > 0;
  }

  /** Begins anew with a layer; 0 is the whole image. */
  async start(layer: number): Promise<void> {
    this.close();
    this.stopped = new AbortController();
    this.layer = layer;
    this.children.clear();
    this.open.clear();
    this.cut.clear();
    this.current = undefined;
    this.loaded = false;
    await this.read('/');
    if (this.match) await this.search();
  }

  async toggle(row: FileRow, to: boolean): Promise<void> {
    if (!to) {
      this.open.delete(row.file.path);
      return;
    }
    this.open.add(row.file.path);
    if (!this.children.has(row.file.path)) await this.read(row.file.path);
  }

  /** Leaves the search and shows a file where it is. */
  async reveal(file: ImageFile): Promise<void> {
    this.match = '';
    this.hits = undefined;
    for (const dir of parents(file.path)) {
      this.open.add(dir);
      if (!this.children.has(dir)) await this.read(dir);
    }
    if (!file.dir) this.current = file;
  }

  searchLater(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.search(), pause);
  }

  async search(): Promise<void> {
    this.asked?.abort();
    const match = this.match.trim();
    if (match === '') {
      this.hits = undefined;
      this.searching = false;
      return;
    }
    const mine = (this.asked = new AbortController());
    this.searching = true;
    try {
      const hits = await this.source({ ref: this.ref, layer: this.layer, match, deep: true, limit: found }, mine.signal);
      if (mine.signal.aborted) return;
      this.hits = hits;
      this.error = undefined;
    } catch (thrown) {
      if (mine.signal.aborted || isAbort(thrown)) return;
      this.error = asApiError(thrown);
    }
    this.searching = false;
  }

  close(): void {
    clearTimeout(this.timer);
    this.asked?.abort();
    this.stopped.abort();
  }

  private async read(path: string): Promise<void> {
    const { signal } = this.stopped;
    try {
      const { files, more } = await this.source({ ref: this.ref, layer: this.layer, path }, signal);
      if (signal.aborted) return;
      this.children.set(path, inOrder(files.filter((f) => f.path !== path && nameOf(f.path) !== '')));
      if (more) this.cut.add(path);
      this.error = undefined;
      this.loaded = true;
    } catch (thrown) {
      if (signal.aborted || isAbort(thrown)) return;
      this.open.delete(path);
      this.error = asApiError(thrown);
    }
  }
}
