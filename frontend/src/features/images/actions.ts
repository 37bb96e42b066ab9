import type { Action } from '$app/actions';
import { copy, dialogs, router } from '$app/davit.svelte';
import type { Image } from '$lib/api/types';
import { t } from '$lib/i18n';
import { open } from './dialogs/open';
import { refOf } from './names';
import { operate } from './operate.svelte';

/** What one can do to an image; the first two are the row's buttons. */
export function actionsOf(i: Image): Action[] {
  return [
    { id: `run:${i.id}`, title: t.images.run, icon: 'play', shortcut: 'Ctrl+Enter', run: () => dialogs.run({ image: refOf(i) }) },
    { id: `rmi:${i.id}`, title: t.images.remove, icon: 'trash', shortcut: 'Delete', destructive: true, run: () => operate.remove([i]) },
  ];
}

export function menuOf(i: Image): Action[] {
  const [run, remove] = actionsOf(i) as [Action, Action];
  const named = i.names.length > 0;
  return [
    run,
    { id: `repull:${i.id}`, title: t.images.pullAgain, icon: 'download', disabled: !named || i.repoDigests.length === 0, run: () => void operate.pullAgain(i) },
    { id: `tag:${i.id}`, title: t.images.tag.action, icon: 'tag', separated: true, run: () => open.tag(i) },
    { id: `push:${i.id}`, title: t.images.push.action, icon: 'upload', run: () => open.push(i) },
    { id: `save:${i.id}`, title: t.images.save.action, icon: 'save', run: () => open.save([i]) },
    { id: `compare:${i.id}`, title: t.images.compareAction, icon: 'compare', separated: true, run: () => router.go('images', i.id, 'compare') },
    { id: `check:${i.id}`, title: t.images.check.action, icon: 'check', run: () => open.check(refOf(i)) },
    { id: `copy:${i.id}`, title: t.images.copyName, icon: 'copy', run: () => void copy(refOf(i)) },
    { ...remove, separated: true },
  ];
}
