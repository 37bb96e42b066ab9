import { files, platform, toasts } from '$app/davit.svelte';
import type { FileInfo } from '$lib/api/types';
import { t } from '$lib/i18n';
import type { Browser } from './browser.svelte';

/** Saves a file; a directory comes as a tar archive. */
export function download(browser: Browser, f: FileInfo): Promise<boolean> {
  return browser.try(async () => {
    const name = f.dir ? `${f.name}.tar` : f.name;
    const saved = await platform.saveFile(name, browser.at(f.path), f.dir ?? false, () =>
      f.dir ? files.archive(browser.at(f.path)) : files.read(browser.at(f.path), 0),
    );
    if (saved) toasts.show(t.files.downloaded(saved));
  });
}
