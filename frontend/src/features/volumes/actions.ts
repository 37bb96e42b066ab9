import type { Action } from '$app/actions';
import { copy, dialogs, engine, platform, router, toasts, volumes } from '$app/davit.svelte';
import { asApiError } from '$lib/api/errors';
import type { Volume } from '$lib/api/types';
import { bytes } from '$lib/format';
import { t } from '$lib/i18n';
import { pickArchive } from './archive';
import CloneDialog from './CloneDialog.svelte';
import CreateDialog from './CreateDialog.svelte';
import PruneDialog from './PruneDialog.svelte';

const words = t.volumes;

export function create(): void {
  dialogs.view(CreateDialog, {});
}

export function prune(): void {
  dialogs.view(PruneDialog, {});
}

/** How a volume is called; one without a name by the beginning of its digits. */
export function nameOf(v: Volume): string {
  return v.anonymous ? v.name.slice(0, 12) : v.name;
}

/** What one can do to a volume. */
export function menuOf(v: Volume): Action[] {
  const busy = v.usedBy.some((use) => use.running);
  return [
    { id: `clone:${v.name}`, title: words.clone, icon: 'copy', run: () => dialogs.view(CloneDialog, { v }) },
    { id: `export:${v.name}`, title: words.export, icon: 'download', run: () => void exportTo(v) },
    { id: `import:${v.name}`, title: words.import, icon: 'upload', run: () => void importInto(v) },
    { id: `copyname:${v.name}`, title: words.copyName, icon: 'copy', separated: true, run: () => void copy(v.name) },
    { id: `copypath:${v.name}`, title: words.copyPath, icon: 'copy', run: () => void copy(v.mountpoint) },
    { id: `empty:${v.name}`, title: words.empty, icon: 'close', separated: true, disabled: busy, run: () => void empty(v) },
    { id: `remove:${v.name}`, title: words.remove, icon: 'trash', shortcut: 'Delete', destructive: true, disabled: v.usedBy.length > 0, run: () => void remove([v]) },
  ];
}

async function exportTo(v: Volume): Promise<void> {
  toasts.show(words.exporting(nameOf(v)), { seconds: 60 });
  try {
    const blob = await volumes.export(v.name);
    platform.saveBlob(`${nameOf(v)}.tar`, blob);
    toasts.expire();
  } catch (thrown) {
    toasts.show(`${words.exportFailed(nameOf(v))}: ${asApiError(thrown).message}`, { seconds: 10 });
  }
}

async function importInto(v: Volume): Promise<void> {
  const file = await pickArchive();
  if (!file) return;
  toasts.show(words.importing(nameOf(v)), { seconds: 60 });
  try {
    await volumes.import(v.name, file, () => {});
    toasts.show(words.imported(nameOf(v)));
  } catch (thrown) {
    toasts.show(`${words.importFailed(nameOf(v))}: ${asApiError(thrown).message}`, { seconds: 10 });
  }
}

async function sizeOf(v: Volume): Promise<number> {
  return (await volumes.get(v.name)).size ?? 0;
}

async function empty(v: Volume): Promise<void> {
  const size = await sizeOf(v).catch(() => 0);
  dialogs.confirm({
    title: words.emptyAsk(nameOf(v)),
    text: words.emptyAskText(bytes(size)),
    verb: words.emptyGo,
    run: () =>
      void volumes
        .empty(v.name)
        .then(() => toasts.show(words.emptied(nameOf(v))))
        .catch((thrown) => toasts.show(`${words.emptyFailed(nameOf(v))}: ${asApiError(thrown).message}`, { seconds: 10 })),
  });
}

/** Asks with exact bytes and names: what is in a volume is nowhere else. */
export async function remove(chosen: Volume[], then: () => void = () => {}): Promise<void> {
  const sizes = await Promise.all(chosen.map((v) => sizeOf(v).catch(() => 0)));
  dialogs.confirm({
    title: words.removeTitle(chosen.map(nameOf)),
    text: words.removeText(chosen.map(nameOf), bytes(sizes.reduce((sum, size) => sum + size, 0))),
    verb: words.removeGo(chosen.length),
    run: () => void reallyRemove(chosen).then(then),
  });
}

async function reallyRemove(chosen: Volume[]): Promise<void> {
  const failed: string[] = [];
  for (const v of chosen) {
    try {
      await volumes.remove(v.name);
    } catch (thrown) {
      const { kind, message } = asApiError(thrown);
      if (kind !== 'not-found') failed.push(`${words.removeFailed(nameOf(v))}: ${message}`);
    }
  }
  await engine.volumes.refresh();
  if (router.route.section === 'volumes' && chosen.some((v) => v.name === router.route.id) && failed.length === 0) router.go('volumes');
  toasts.show(failed[0] ?? words.removed(chosen.length), { seconds: failed[0] ? 10 : 5 });
}
