import type { Actions } from '$app/actions';
import { engine, router } from '$app/davit.svelte';
import { t } from '$lib/i18n';
import { create, menuOf, prune } from './actions';

/** Puts networks into the palette. */
export function registerNetworks(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'network.create', title: t.networks.createTitle, icon: 'plus', keywords: 'network create', run: create },
    { id: 'network.prune', title: t.networks.pruneTitle, icon: 'trash', keywords: 'network prune clean', run: () => void prune() },
  ]);
  actions.addThings(() =>
    engine.networks.items.map((n) => ({
      id: n.id,
      kind: 'network',
      title: n.name,
      detail: [t.networks.about, n.subnet].filter(Boolean).join(' · '),
      icon: 'network',
      open: () => router.go('networks', n.id),
      actions: () => menuOf(n),
    })),
  );
}
