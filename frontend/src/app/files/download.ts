import { files, platform, toasts } from '$app/davit.svelte';
import type { FileInfo } from '$lib/api/types';
import { t } from '$lib/i18n';
import type { Browser } from './browser.svelte';

/** Saves a file; a directory comes as a tar archive. */
export function download(browser: Browser, f: FileInfo): Promise<boolean> {
  return browser.try(async () => {
    const name = f.dir ? `${f.name}.tar` : f.name;
    const saved = await platform.saveFile(name, browser.at(f.path), { dir: f.dir ?? false }, () =>
      f.dir ? files.archive(browser.at(f.path)) : files.read(browser.at(f.path), 0),
    );
    if (saved) toasts.show(t.files.downloaded(saved));
  });
}

/** Saves several as one archive. */
export function downloadAll(browser: Browser, list: FileInfo[]): Promise<boolean> {
  if (list.length === 1) return download(browser, list[0]!);
  return browser.try(async () => {
    const dir = browser.listing.value?.path ?? browser.path;
    const name = `${dir.split('/').at(-1) || 'files'}.tar`;
    const only = list.map((f) => f.name);
    const saved = await platform.saveFile(name, browser.at(dir), { dir: true, only }, () => files.archive(browser.at(dir), only));
    if (saved) toasts.show(t.files.downloaded(saved));
  });
}

/** Shows a folder in the desktop's file manager, with some of what is in it selected. */
export async function showInFileManager(browser: Browser, dir: string, names: string[]): Promise<void> {
  browser.busy = t.files.opening;
  await browser.try(async () => {
    const shown = await platform.showFiles!(browser.at(dir), names);
    if (shown.copied) toasts.show(t.files.copiedOut(shown.files, shown.left));
  });
  browser.busy = undefined;
}

/** A file is selected in its folder, a folder opened itself. */
export function showFile(browser: Browser, f: FileInfo): Promise<void> {
  if (f.dir) return showInFileManager(browser, f.path, []);
  return showInFileManager(browser, browser.listing.value?.path ?? browser.path, [f.name]);
}
