import type { Action } from '$app/actions';
import { copy, dialogs, networks, platform, router, toasts } from '$app/davit.svelte';
import { duplicate, undoEdit } from '$app/edits';
import { asApiError } from '$lib/api/errors';
import type { Container } from '$lib/api/types';
import { t } from '$lib/i18n';
import type { Group } from './arrange';
import { operate } from './operate.svelte';
import RenameDialog from './RenameDialog.svelte';
import SignalDialog from './SignalDialog.svelte';
import SnapshotsDialog from './SnapshotsDialog.svelte';
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
export function menuOf(c: Container, replaces = ''): Action[] {
  const [toggle, restart, remove] = actionsOf(c) as [Action, Action, Action];
  const { up } = status(c, operate.pending.get(c.id));
  return [toggle, restart, ...(up ? running(c) : []), ...ports(c), ...places(c), ...further(c, replaces), { ...remove, separated: true }];
}

function start(c: Container, disabled: boolean): Action {
  return { id: `start:${c.id}`, title: t.containers.start, icon: 'play', shortcut: 'Ctrl+Enter', disabled, run: () => void operate.start(c) };
}

function stop(c: Container): Action {
  return { id: `stop:${c.id}`, title: t.containers.stop, icon: 'stop', shortcut: 'Ctrl+Enter', run: () => void operate.stop(c) };
}

function running(c: Container): Action[] {
  const paused = c.state === 'paused';
  return [
    paused
      ? { id: `unpause:${c.id}`, title: t.operate.unpause, icon: 'play', run: () => void operate.unpause(c) }
      : { id: `pause:${c.id}`, title: t.operate.pause, icon: 'pause', run: () => void operate.pause(c) },
    { id: `kill:${c.id}`, title: t.containers.kill, icon: 'close', keywords: 'KILL', run: () => void operate.kill(c) },
    { id: `signal:${c.id}`, title: t.operate.signal, icon: 'activity', keywords: 'kill HUP', run: () => dialogs.view(SignalDialog, { c }) },
  ];
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

function places(c: Container): Action[] {
  const show = (tab: string) => () => router.go('containers', c.id, tab);
  const terminal: Action = { id: `terminal:${c.id}`, title: t.containers.openTerminal, icon: 'terminal', shortcut: 'Ctrl+Shift+T', disabled: c.state !== 'running', keywords: 'shell exec', run: show('terminal') };
  return [
    { id: `logs:${c.id}`, title: t.containers.showLogs, icon: 'menu', separated: true, run: show('logs') },
    terminal,
    { id: `files:${c.id}`, title: t.containers.browseFiles, icon: 'folder', run: show('files') },
  ];
}

function further(c: Container, replaces: string): Action[] {
  const undo: Action = { id: `undo:${c.id}`, title: t.spec.undoEdit, icon: 'back', run: () => void undoEdit(c.id) };
  return [
    { id: `rename:${c.id}`, title: t.operate.rename, icon: 'pencil', shortcut: 'F2', separated: true, run: () => dialogs.view(RenameDialog, { c }) },
    { id: `edit:${c.id}`, title: t.spec.edit, icon: 'gear', shortcut: 'Ctrl+E', run: () => dialogs.edit(c.id) },
    ...(replaces ? [undo] : []),
    { id: `again:${c.id}`, title: t.spec.duplicate, icon: 'plus', run: () => void duplicate(c.id) },
    { id: `snapshots:${c.id}`, title: t.spec.snapshots, icon: 'clock', run: () => dialogs.view(SnapshotsDialog, { c }) },
    offline(c),
    { id: `copy:${c.id}`, title: t.containers.copyID, icon: 'copy', separated: true, run: () => void copy(c.id) },
    { id: `copyname:${c.id}`, title: t.operate.copyName, icon: 'copy', run: () => void copy(c.name) },
  ];
}

function offline(c: Container): Action {
  const title = c.offline ? t.networks.goOnline : t.networks.goOffline;
  return { id: `offline:${c.id}`, title, icon: 'offline', keywords: 'network cut', run: () => void switchOffline(c) };
}

export async function switchOffline(c: Container): Promise<void> {
  try {
    await networks.setOffline(c.id, !c.offline);
  } catch (thrown) {
    toasts.show(`${t.networks.offlineFailed(c.name)}: ${asApiError(thrown).message}`, { seconds: 10 });
  }
}

/** Shows what containers wrote, by time. */
export function logsOf(all: readonly Container[]): void {
  router.go('logs', '', '', { of: all.map((c) => c.id).join() });
}

/** What one can do to all containers of a group. */
export function groupActions(group: Group): Action[] {
  const of = (c: Container) => status(c, operate.pending.get(c.id)).up;
  const up = group.members.filter((c) => of(c));
  const down = group.members.filter((c) => !of(c));
  const words = t.operate.all;
  return [
    up.length > 0
      ? { id: `${group.id}:stop`, title: words.stop, icon: 'stop', shortcut: 'Ctrl+Enter', run: () => operate.many(up, 'stop') }
      : { id: `${group.id}:start`, title: words.start, icon: 'play', shortcut: 'Ctrl+Enter', run: () => operate.many(down, 'start') },
    { id: `${group.id}:restart`, title: words.restart, icon: 'restart', disabled: up.length === 0, run: () => up.forEach(operate.restart) },
    { id: `${group.id}:remove`, title: words.remove, icon: 'trash', shortcut: 'Delete', destructive: true, run: () => operate.remove(group.members) },
  ];
}

export function groupMenu(group: Group): Action[] {
  const [toggle, restart, remove] = groupActions(group) as [Action, Action, Action];
  const down = group.members.filter((c) => !status(c, operate.pending.get(c.id)).up);
  const running = group.members.filter((c) => c.state === 'running');
  const paused = group.members.filter((c) => c.state === 'paused');
  const words = t.operate.all;
  const more: Action[] = [];
  if (down.length > 0 && down.length < group.members.length) {
    more.push({ id: `${group.id}:start`, title: words.start, icon: 'play', run: () => operate.many(down, 'start') });
  }
  if (running.length > 0) more.push({ id: `${group.id}:pause`, title: words.pause, icon: 'pause', run: () => operate.many(running, 'pause') });
  more.push({ id: `${group.id}:logs`, title: t.logs.showTogether, icon: 'menu', separated: true, run: () => logsOf(group.members) });
  if (paused.length > 0) more.push({ id: `${group.id}:unpause`, title: words.unpause, icon: 'play', run: () => operate.many(paused, 'unpause') });
  return [toggle, restart, ...more, { ...remove, separated: true }];
}
