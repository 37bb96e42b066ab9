import type { Action } from '$app/actions';
import { copy, dialogs, platform, router } from '$app/davit.svelte';
import type { Container } from '$lib/api/types';
import { t } from '$lib/i18n';
import { operate } from './operate.svelte';
import { portURL, status } from './status';

/** What one can do to a container now; the first are the row's buttons. */
export function actionsOf(c: Container): Action[] {
  const pending = operate.pending.get(c.id);
  const { up } = status(c, pending);
  return [
    up ? stop(c) : start(c, c.state === 'broken'),
    { id: `restart:${c.id}`, title: t.containers.restart, icon: 'restart', disabled: !up, run: () => void operate.restart(c) },
    { id: `remove:${c.id}`, title: t.containers.remove, icon: 'trash', shortcut: 'Delete', destructive: true, run: () => operate.remove([c]) },
  ];
}

/** The menu of a row: everything that is not one of its buttons, too. */
export function menuOf(c: Container): Action[] {
  const [toggle, restart, remove] = actionsOf(c) as [Action, Action, Action];
  const { up } = status(c, operate.pending.get(c.id));
  const kill: Action = { id: `kill:${c.id}`, title: t.containers.kill, icon: 'close', run: () => void operate.kill(c) };
  return [toggle, restart, ...(up ? [kill] : []), ...ports(c), ...further(c), { ...remove, separated: true }];
}

function start(c: Container, disabled: boolean): Action {
  return { id: `start:${c.id}`, title: t.containers.start, icon: 'play', shortcut: 'Ctrl+Enter', disabled, run: () => void operate.start(c) };
}

function stop(c: Container): Action {
  return { id: `stop:${c.id}`, title: t.containers.stop, icon: 'stop', shortcut: 'Ctrl+Enter', run: () => void operate.stop(c) };
}

function ports(c: Container): Action[] {
  if (c.state !== 'running') return [];
  return c.ports
    .map(portURL)
    .filter((url) => url !== '')
    .map((url, at) => ({
      id: `open:${c.id}:${url}`,
      title: t.containers.openPort(url),
      icon: 'external',
      separated: at === 0,
      run: () => platform.openURL(url),
    }));
}

function further(c: Container): Action[] {
  return [
    { id: `logs:${c.id}`, title: t.containers.showLogs, icon: 'menu', separated: true, run: () => router.go('containers', c.id, 'logs') },
    { id: `copy:${c.id}`, title: t.containers.copyID, icon: 'copy', run: () => void copy(c.id) },
    { id: `again:${c.id}`, title: t.containers.duplicate, icon: 'plus', run: () => dialogs.run({ image: c.image }) },
  ];
}
