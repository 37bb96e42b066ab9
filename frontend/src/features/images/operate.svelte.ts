import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { client, dialogs, engine, library, platform, router, toasts } from '$app/davit.svelte';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import type { Image, LoadResult } from '$lib/api/types';
import { t } from '$lib/i18n';
import { refOf, titleOf } from './names';

export interface Failure {
  title: string;
  error: ApiError;
  retry: () => void;
  /** The file that was no archive of images. */
  file?: File;
}

const undoSeconds = 6;

export interface Loading {
  name: string;
  sent: number;
  total: number;
  cancel?: () => void;
}

/** What one does to images. */
class Operate {
  readonly removing = new SvelteSet<string>();
  /** Removed as far as one sees; really removed when nobody called it back. */
  readonly hidden = new SvelteSet<string>();
  readonly failures = new SvelteMap<string, Failure>();
  /** The archive that is being loaded. */
  loading = $state.raw<Loading>();
  loadFailure = $state.raw<Failure>();

  /** Hides them at once; the engine hears of it when the time for Undo is over. What is in use says so at once. */
  remove = (images: Image[]) => {
    const used = images.filter((i) => i.containers > 0);
    const free = images.filter((i) => i.containers === 0);
    used.forEach((i) => void this.reallyRemove(i));
    if (free.length === 0) return;
    free.forEach((i) => this.hidden.add(i.id));
    if (router.route.section === 'images' && free.some((i) => i.id === router.route.id)) router.go('images');
    toasts.show(t.images.removedMany(free.map(titleOf)), {
      seconds: undoSeconds,
      action: { title: t.common.undo, run: () => free.forEach((i) => this.hidden.delete(i.id)) },
      onexpire: () => void Promise.all(free.map((i) => this.reallyRemove(i))),
    });
  };

  private async reallyRemove(i: Image): Promise<void> {
    this.failures.delete(i.id);
    this.removing.add(i.id);
    try {
      // Every name goes, and the image with the last.
      for (const ref of i.names.length > 0 ? i.names : [i.id]) await client.removeImage(ref);
    } catch (thrown) {
      const error = asApiError(thrown);
      if (error.kind !== 'not-found') {
        this.failures.set(i.id, { title: t.images.removeFailed(titleOf(i)), error, retry: () => void this.reallyRemove(i) });
      }
    }
    await engine.images.refresh();
    this.removing.delete(i.id);
    this.hidden.delete(i.id);
  }

  /** Takes one of several names away. */
  untag = async (i: Image, name: string) => {
    try {
      await client.removeImage(name);
      toasts.show(t.images.untaggedName(name), { action: { title: t.common.undo, run: () => void library.tag(i.id, name).then(() => engine.images.refresh()) } });
    } catch (thrown) {
      toasts.show(`${t.images.removeFailed(name)}: ${asApiError(thrown).message}`);
    }
    await engine.images.refresh();
  };

  pullAgain = async (i: Image) => {
    try {
      await client.pull({ ref: refOf(i), force: true });
      await engine.watchOperations();
      toasts.show(t.pull.started(titleOf(i)), { action: { title: t.common.view, run: () => router.go('activity') } });
    } catch (thrown) {
      this.failures.set(i.id, { title: t.pull.failed(titleOf(i)), error: asApiError(thrown), retry: () => void this.pullAgain(i) });
    }
  };

  loadFile = (file: File) => {
    const stop = new AbortController();
    const progress = (sent: number) => (this.loading = { ...this.loading!, sent });
    this.loading = { name: file.name, sent: 0, total: file.size, cancel: () => stop.abort() };
    void this.load(file.name, () => client.load(file, progress, stop.signal), () => this.loadFile(file), file);
  };

  /** Asks the desktop for a path; the engine reads the file itself. */
  pickPath = async () => {
    const path = await platform.pickPath?.();
    if (path) this.loadPath(path);
  };

  /** Asks before loading what another program has opened with Davit. */
  askLoad = (path: string) =>
    dialogs.confirm({ title: t.images.loadTitle, text: t.images.loadText(path), verb: t.images.load, run: () => this.loadPath(path) });

  private loadPath(path: string): void {
    const name = path.slice(path.lastIndexOf('/') + 1);
    this.loading = { name, sent: 0, total: 0 };
    void this.load(name, () => client.loadPath(path), () => this.loadPath(path));
  }

  private async load(name: string, work: () => Promise<LoadResult>, retry: () => void, file?: File): Promise<void> {
    this.loadFailure = undefined;
    try {
      const { images } = await work();
      const [first] = images ?? [];
      await engine.images.refresh();
      toasts.show(t.images.loaded((images ?? []).map((i) => titleOf({ ...i, names: i.names ?? [] }))), {
        action: first && { title: t.common.view, run: () => router.go('images', first.id) },
      });
    } catch (thrown) {
      if (!isAbort(thrown)) this.loadFailure = { title: t.images.loadFailed(name), error: asApiError(thrown), retry, file };
    }
    this.loading = undefined;
  }
}

export const operate = new Operate();
