import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { client, dialogs, engine, platform, router, toasts } from '$app/davit.svelte';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import type { Image, LoadResult } from '$lib/api/types';
import { bytes } from '$lib/format';
import { t } from '$lib/i18n';
import { refOf, titleOf } from './names';

export interface Failure {
  title: string;
  error: ApiError;
  retry: () => void;
}

export interface Loading {
  name: string;
  sent: number;
  total: number;
  cancel?: () => void;
}

/** What one does to images. */
class Operate {
  readonly removing = new SvelteSet<string>();
  readonly failures = new SvelteMap<string, Failure>();
  /** The archive that is being loaded. */
  loading = $state.raw<Loading>();
  loadFailure = $state.raw<Failure>();

  /** Asks first: what is removed cannot be called back. */
  askRemove = (images: Image[]) => {
    const [first] = images;
    if (!first) return;
    const size = bytes(images.reduce((sum, i) => sum + i.size, 0));
    const pulled = first.repoDigests.length > 0;
    const one = images.length === 1;
    dialogs.confirm({
      title: one ? t.images.removeTitle(titleOf(first)) : t.images.removeMany(images.length),
      text: one ? (pulled ? t.images.removeText : t.images.removeLocal)(size) : t.images.removeManyText(images.map(titleOf), size),
      verb: t.images.removeMany(images.length),
      run: () => void Promise.all(images.map((i) => this.remove(i))),
    });
  };

  private async remove(i: Image): Promise<void> {
    this.failures.delete(i.id);
    this.removing.add(i.id);
    try {
      // Every name goes, and the image with the last.
      const refs = i.names.length > 0 ? i.names : [i.id];
      let freed = 0;
      for (const ref of refs) freed += (await client.removeImage(ref)).freed;
      if (router.route.section === 'images' && router.route.id === i.id) router.go('images');
      toasts.show(`${t.images.removed(titleOf(i))}. ${t.images.freed(bytes(freed))}.`);
    } catch (thrown) {
      this.failures.set(i.id, { title: t.images.removeFailed(titleOf(i)), error: asApiError(thrown), retry: () => void this.remove(i) });
    }
    await engine.images.refresh();
    this.removing.delete(i.id);
  }

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
    void this.load(file.name, () => client.load(file, progress, stop.signal), () => this.loadFile(file));
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

  private async load(name: string, work: () => Promise<LoadResult>, retry: () => void): Promise<void> {
    this.loadFailure = undefined;
    try {
      const { images } = await work();
      const [first] = images ?? [];
      await engine.images.refresh();
      toasts.show(t.images.loaded((images ?? []).map((i) => titleOf({ ...i, names: i.names ?? [] }))), {
        action: first && { title: t.common.view, run: () => router.go('images', first.id) },
      });
    } catch (thrown) {
      if (!isAbort(thrown)) this.loadFailure = { title: t.images.loadFailed(name), error: asApiError(thrown), retry };
    }
    this.loading = undefined;
  }
}

export const operate = new Operate();
