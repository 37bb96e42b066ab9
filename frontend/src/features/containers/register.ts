import type { Action, Actions } from '$app/actions';
import { dialogs, engine, router } from '$app/davit.svelte';
import { familiarName } from '$lib/format';
import type { Container } from '$lib/api/types';
import { t } from '$lib/i18n';
import JumpDialog from './logs/JumpDialog.svelte';
import PruneDialog from './PruneDialog.svelte';
import { actionsOf, logsOf, menuOf } from './actions';
import { operate } from './operate.svelte';
import { status } from './status';

/** Puts containers into the palette. */
export function registerContainers(actions: Actions): void {
  actions.addGlobal(() => [
    { id: 'container.prune', title: t.operate.prune.title, icon: 'trash', keywords: 'container prune clean free space', run: () => dialogs.view(PruneDialog, {}) },
  ]);
  actions.addGlobal(() => {
    const running = engine.containers.items.filter((c) => c.state === 'running');
    return running.length < 2 ? [] : [{ id: 'logs.running', title: t.logs.allRunning, icon: 'menu', keywords: 'interleaved together', run: () => logsOf(running) }];
  });
  actions.addSelection(() => {
    const { section, id } = router.route;
    const open = section === 'containers' && id ? engine.containers.get(id) : undefined;
    // Keys of rows belong to the row that has the focus, not to what is open.
    return open ? [...actionsOf(open).map((a) => ({ ...a, title: `${a.title} ${open.name}`, shortcut: undefined })), terminalOf(open), jump(open)] : [];
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

/** The key of its terminal is nobody else's: it goes from anywhere. */
function terminalOf(c: Container): Action {
  const action = menuOf(c).find((one) => one.id === `terminal:${c.id}`)!;
  return { ...action, title: t.containers.terminalOf(c.name) };
}

function jump(c: Container): Action {
  const onjump = (at: string) => router.go('containers', c.id, 'logs', { at });
  return { id: `jump:${c.id}`, title: t.logs.jumpOf(c.name), icon: 'clock', keywords: 'log moment', run: () => dialogs.view(JumpDialog, { onjump }) };
}
