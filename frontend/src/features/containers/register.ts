import type { Actions } from '$app/actions';
import { dialogs, engine, router } from '$app/davit.svelte';
import { familiarName } from '$lib/format';
import { t } from '$lib/i18n';
import PruneDialog from './PruneDialog.svelte';
import { actionsOf, menuOf } from './actions';
import { operate } from './operate.svelte';
import { status } from './status';

/** Puts containers into the palette. */
export function registerContainers(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'container.prune', title: t.operate.prune.title, icon: 'trash', keywords: 'container prune clean free space', run: () => dialogs.view(PruneDialog, {}) },
  ]);
  actions.addSelection(() => {
    const { section, id } = router.route;
    const open = section === 'containers' && id ? engine.containers.get(id) : undefined;
    // Keys of rows belong to the row that has the focus, not to what is open.
    return open ? actionsOf(open).map((a) => ({ ...a, title: `${a.title} ${open.name}`, shortcut: undefined })) : [];
  });
  actions.addThings(() =>
    engine.containers.items
      .filter((c) => !operate.hidden.has(c.id))
      .map((c) => ({
        id: c.id,
        kind: 'container',
        title: c.name,
        detail: `${familiarName(c.image)} · ${status(c).word}`,
        icon: 'box',
        open: () => router.go('containers', c.id),
        actions: () => menuOf(c),
      })),
  );
}
