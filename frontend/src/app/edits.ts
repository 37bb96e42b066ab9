import { asApiError } from '$lib/api/errors';
import { t } from '$lib/i18n';
import { dialogs, engine, router, specs, toasts } from './davit.svelte';

/** Puts a container back as it was before its last change. */
export async function undoEdit(id: string): Promise<void> {
  try {
    const undone = await specs.undoEdit(id);
    await engine.containers.refresh();
    if (router.route.id === id && undone.id !== id) router.replace('containers', undone.id, router.route.tab);
    toasts.show(t.spec.undone(undone.name));
  } catch (thrown) {
    toasts.show(`${t.spec.undoFailed}: ${asApiError(thrown).message}`);
  }
}

/** Opens the form for a further container like this one. */
export async function duplicate(id: string): Promise<void> {
  try {
    dialogs.run(await specs.duplicate(id));
  } catch (thrown) {
    toasts.show(`${t.spec.duplicateFailed}: ${asApiError(thrown).message}`);
  }
}
