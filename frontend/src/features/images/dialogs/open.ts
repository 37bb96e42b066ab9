import { ahead, dialogs, toasts } from '$app/davit.svelte';
import { asApiError } from '$lib/api/errors';
import type { Image } from '$lib/api/types';

// Dialogs that are seldom opened come when they are asked for.
async function show(load: Promise<{ default: unknown }>, props: Record<string, unknown> = {}): Promise<void> {
  try {
    const { default: view } = await ahead.hold(load);
    dialogs.view(view as Parameters<typeof dialogs.view>[0], props);
  } catch (thrown) {
    toasts.show(asApiError(thrown).message);
  }
}

export const open = {
  prune: () => void show(import('./PruneDialog.svelte')),
  trash: () => void show(import('./TrashSheet.svelte')),
  check: (ref = '') => void show(import('./CheckSheet.svelte'), { ref }),
  stores: () => void show(import('./ImportSheet.svelte')),
  rootfs: (file?: File) => void show(import('./RootfsDialog.svelte'), { file }),
  tag: (image: Image) => void show(import('./TagDialog.svelte'), { image }),
  push: (image: Image) => void show(import('./PushDialog.svelte'), { image }),
  save: (images: Image[]) => void show(import('./SaveDialog.svelte'), { images }),
};
