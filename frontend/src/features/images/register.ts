import type { Actions } from '$app/actions';
import { engine, router } from '$app/davit.svelte';
import { bytes } from '$lib/format';
import { t } from '$lib/i18n';
import { actionsOf, menuOf } from './actions';
import { titleOf } from './names';
import { operate } from './operate.svelte';
import { chooseArchive } from './archive';

/** Puts images into the palette. */
export function registerImages(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'load', title: t.images.load, icon: 'upload', keywords: 'tar import docker-archive oci', run: () => chooseArchive(operate) },
  ]);
  actions.addSelection(() => {
    const { section, id } = router.route;
    const open = section === 'images' && id ? engine.images.get(id) : undefined;
    return open ? actionsOf(open).map((a) => ({ ...a, title: `${a.title} ${titleOf(open)}`, shortcut: undefined })) : [];
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
