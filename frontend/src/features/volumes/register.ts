import type { Actions } from '$app/actions';
import { engine, router } from '$app/davit.svelte';
import { t } from '$lib/i18n';
import { create, menuOf, prune } from './actions';

/** Puts volumes into the palette. */
export function registerVolumes(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'volume.create', title: t.volumes.createTitle, icon: 'plus', keywords: 'volume create', run: create },
    { id: 'volume.prune', title: t.volumes.pruneTitle, icon: 'trash', keywords: 'volume prune clean free space', run: prune },
  ]);
  actions.addThings(() =>
    engine.volumes.items
      .filter((v) => !v.anonymous)
      .map((v) => ({
        id: v.name,
        kind: 'volume',
        title: v.name,
        detail: t.volumes.about,
        icon: 'volume',
        open: () => router.go('volumes', v.name),
        actions: () => menuOf(v),
      })),
  );
}
