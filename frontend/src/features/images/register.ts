import type { Actions } from '$app/actions';
import { engine, router } from '$app/davit.svelte';
import { bytes } from '$lib/format';
import { t } from '$lib/i18n';
import { actionsOf, menuOf } from './actions';
import { open } from './dialogs/open';
import { titleOf } from './names';
import { operate } from './operate.svelte';
import { chooseArchive } from './archive';

/** Puts images into the palette. */
export function registerImages(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'images.prune', title: t.images.prune.title, icon: 'trash', keywords: 'prune clean disk space unused', run: open.prune },
    { id: 'images.trash', title: t.images.trash.title, icon: 'trash', keywords: 'restore undo removed images', run: open.trash },
    { id: 'images.check', title: t.images.check.title, icon: 'check', keywords: 'repair damage fsck verify', run: () => open.check() },
    { id: 'images.stores', title: t.images.stores.action, icon: 'archive', keywords: 'docker podman migrate', run: open.stores },
    { id: 'load', title: t.images.load, icon: 'upload', keywords: 'tar import docker-archive oci', run: () => chooseArchive(operate) },
  ]);
  actions.addSelection(() => {
    const { section, id } = router.route;
    const shown = section === 'images' && id ? engine.images.get(id) : undefined;
    return shown ? actionsOf(shown).map((a) => ({ ...a, title: `${a.title} ${titleOf(shown)}`, shortcut: undefined })) : [];
  });
  actions.addThings(() =>
    engine.images.items.map((i) => ({
      id: i.id,
      kind: 'image',
      title: titleOf(i),
      detail: bytes(i.size),
      icon: 'layers',
      open: () => router.go('images', i.id),
      actions: () => menuOf(i),
    })),
  );
}
