import { dialogs, files, platform, toasts } from '$app/davit.svelte';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import { One } from '$lib/api/one.svelte';
import type { DirPage, FileInfo, FilePath, Unpacked } from '$lib/api/types';
import { t } from '$lib/i18n';
import type { Dropped } from './dropped';
import { join, legible, parentOf } from './paths';
import { tarOf, type Item } from './tar';

const words = t.files;

/** Something being sent, with how much of it was. */
export interface Upload {
  name: string;
  sent: number;
  total: number;
}

/** A tree being looked through: one directory of it, and what is done there. */
export class Browser {
  path = $state('/');
  /** The file that is looked into; undefined: the directory is. */
  opened = $state.raw<FileInfo>();
  upload = $state.raw<Upload>();
  failure = $state.raw<ApiError>();
  /** What takes a while, in words. */
  busy = $state<string>();
  readonly listing: One<DirPage>;
  private sending: AbortController | undefined;

  constructor(readonly tree: Omit<FilePath, 'path'>) {
    this.listing = new One((signal, show) => files.list(this.at(this.path), signal, show));
  }

  /** What was cannot be changed. */
  get readonly(): boolean {
    return this.tree.snapshot !== undefined;
  }

  at(path: string): FilePath {
    return { ...this.tree, path };
  }

  go(path: string): void {
    if (path !== this.path) this.listing.value = undefined;
    this.path = path;
    this.opened = undefined;
    this.failure = undefined;
    void this.listing.load();
  }

  refresh = () => this.listing.load();

  /** Opens a directory, a link to one, or a file. */
  async open(f: FileInfo): Promise<void> {
    if (f.dir) return this.go(f.path);
    if (!f.link) return void (this.opened = f);
    await this.try(async () => {
      const led = await files.info(this.at(f.path), true);
      if (led.dir) this.go(led.real ?? led.path);
      else this.opened = { ...led, path: led.real ?? led.path, name: (led.real ?? led.path).split('/').at(-1)! };
    });
  }

  up(): void {
    if (this.opened) this.opened = undefined;
    else if (this.path !== '/') this.go(parentOf(this.path));
  }

  /** Does something and lists again; what failed stands above the list. */
  async try(work: () => Promise<unknown>): Promise<boolean> {
    this.failure = undefined;
    try {
      await work();
      return true;
    } catch (thrown) {
      if (!isAbort(thrown)) this.failure = asApiError(thrown);
      return false;
    }
  }

  remove(f: FileInfo): void {
    dialogs.confirm({
      title: words.deleteTitle(legible(f.name)),
      text: f.dir ? words.deleteDir(legible(f.path)) : words.deleteFile(legible(f.path)),
      verb: words.delete,
      run: () =>
        void this.try(async () => {
          await files.remove(this.at(f.path));
          toasts.show(words.deleted(legible(f.name)));
          this.opened = undefined;
          await this.refresh();
        }),
    });
  }

  /** Removes several, one after another. */
  removeAll(list: FileInfo[], done: () => void): void {
    if (list.length === 1) return this.remove(list[0]!);
    dialogs.confirm({
      title: words.deleteManyTitle(list.length),
      text: words.deleteMany(list.map((f) => legible(f.name))),
      verb: words.delete,
      run: () =>
        void this.try(async () => {
          done();
          try {
            for (const f of list) await files.remove(this.at(f.path));
            toasts.show(words.deletedMany(list.length));
          } finally {
            await this.refresh();
          }
        }),
    });
  }

  /** Sends files into the directory that is shown; one that is there is replaced only when the person says so. */
  async send(list: File[]): Promise<void> {
    const dir = this.path;
    await this.asking(list.map((f) => f.name), () => void this.sendAll(dir, list));
  }

  /** Sends what was dropped: folders with all that is in them, as one archive. */
  async sendDropped(reading: Promise<Dropped> | Dropped): Promise<void> {
    const dir = this.path;
    const { items, unread, folders, many } = await reading;
    if (many) this.failure = asApiError(new Error(words.tooMany));
    if (many || items.length + unread.length === 0) return;
    if (!folders && unread.length === 0) return this.send(items.map((i) => i.file!));
    const top = items.filter((i) => !i.path.includes('/')).map((i) => i.path);
    await this.asking(top, () => void this.sendTree(dir, items, unread));
  }

  /** Asks the desktop for a folder and sends it; what is picked is read there. */
  async sendPicked(): Promise<void> {
    const dir = this.path;
    const { pickFolder, sendFolder } = platform;
    if (!pickFolder || !sendFolder) return;
    let folder = '';
    if (!(await this.try(async () => (folder = await pickFolder()))) || !folder) return;
    await this.asking([folder.split('/').at(-1)!], () => void this.sendFrom(folder, dir, sendFolder));
  }

  private async sendFrom(folder: string, dir: string, send: (at: FilePath, folder: string) => Promise<Unpacked>): Promise<void> {
    this.busy = words.uploadingFolder(legible(folder));
    await this.try(async () => {
      const got = await send(this.at(dir), folder);
      toasts.show(got.skipped.length > 0 ? words.uploadedBut(got.files, got.skipped.map(legible)) : words.uploadedTree(got.files));
    });
    this.busy = undefined;
    await this.refresh();
  }

  private async asking(names: string[], go: () => void): Promise<void> {
    const there = new Map(this.listing.value?.entries.map((f) => [f.name, f]));
    const double = names.filter((name) => there.has(name));
    if (double.length === 0) return go();
    const merged = double.some((name) => there.get(name)!.dir);
    dialogs.confirm({
      title: words.replaceTitle(double.length),
      text: words.replaceText(double, merged),
      verb: words.replace,
      run: go,
    });
  }

  cancel = () => this.sending?.abort();

  private async sendTree(dir: string, items: Item[], unread: string[]): Promise<void> {
    this.sending = new AbortController();
    const { signal } = this.sending;
    const packed = tarOf(items);
    const name = words.items(items.length);
    const told = (sent: number) => (this.upload = { name, sent, total: packed.size });
    const done = await this.try(async () => {
      told(0);
      const got = await files.unpack(this.at(dir), packed, told, signal);
      const left = [...unread, ...got.skipped];
      toasts.show(left.length > 0 ? words.uploadedBut(got.files, left.map(legible)) : words.uploadedTree(got.files));
    });
    this.upload = undefined;
    if (!done && signal.aborted) toasts.show(words.stopped);
    await this.refresh();
  }

  private async sendAll(dir: string, list: File[]): Promise<void> {
    this.sending = new AbortController();
    const { signal } = this.sending;
    const done = await this.try(async () => {
      for (const f of list) {
        const told = (sent: number) => (this.upload = { name: f.name, sent, total: f.size });
        told(0);
        await files.write(this.at(join(dir, f.name)), f, '', told, signal);
      }
    });
    this.upload = undefined;
    if (done) toasts.show(words.uploaded(list.length));
    await this.refresh();
  }
}
