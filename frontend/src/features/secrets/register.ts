import type { Actions } from '$app/actions';
import { engine, router } from '$app/davit.svelte';
import { t } from '$lib/i18n';
import { create, hidden, menuOf } from './actions';

/** Puts secrets into the palette. */
export function registerSecrets(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'go.secrets', title: t.secrets.title, icon: 'key', keywords: 'password token', run: () => router.go('secrets') },
    { id: 'secret.create', title: t.secrets.createTitle, icon: 'plus', keywords: 'secret create password', run: () => void create() },
  ]);
  actions.addThings(() =>
    engine.secrets.items
      .filter((s) => !hidden.has(s.id))
      .map((s) => ({
        id: s.id,
        kind: 'secret',
        title: s.name,
        detail: t.secrets.about,
        icon: 'key',
        open: () => router.go('secrets', s.name),
        actions: () => menuOf(s),
      })),
  );
}
