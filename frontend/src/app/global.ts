import { t } from '$lib/i18n';
import type { Action, Actions } from './actions';
import { dialogs, frame, platform, router } from './davit.svelte';
import { focusMainMenu, focusSearch } from './focus';

/** What one can do anywhere. */
export function registerGlobal(actions: Actions): void {
  actions.addGlobal(() => [...work(), ...upkeep(), ...places(), ...shell()]);
}

function work(): Action[] {
  return [
    { id: 'run', title: t.run.title, icon: 'play', keywords: 'new create start', shortcut: 'Ctrl+N', run: () => dialogs.run({ image: '' }) },
    { id: 'run.paste', title: t.spec.pasteTitle, icon: 'paste', keywords: 'docker podman compose run line import', run: () => dialogs.paste('') },
    { id: 'pull', title: t.pull.title, icon: 'download', keywords: 'fetch download', run: () => dialogs.pull() },
  ];
}

function upkeep(): Action[] {
  const show = () => void import('./SystemPrune.svelte').then((m) => dialogs.view(m.default, {}));
  return [{ id: 'system.prune', title: t.operate.system.title, icon: 'trash', keywords: 'system prune clean free space disk', run: show }];
}

function places(): Action[] {
  return [
    { id: 'go.containers', title: t.containers.title, icon: 'box', shortcut: 'Alt+1', run: () => router.go('containers') },
    { id: 'go.images', title: t.images.title, icon: 'layers', shortcut: 'Alt+2', run: () => router.go('images') },
    { id: 'go.search', title: t.search.title, icon: 'search', keywords: 'registry hub', shortcut: 'Alt+3', run: () => router.go('search') },
    { id: 'go.registries', title: t.registries.title, icon: 'globe', keywords: 'hub quay login sign in mirrors', run: () => router.go('registries') },
    { id: 'go.volumes', title: t.volumes.title, icon: 'volume', keywords: 'data storage', shortcut: 'Alt+4', run: () => router.go('volumes') },
    { id: 'go.networks', title: t.networks.title, icon: 'network', keywords: 'subnet connections', shortcut: 'Alt+5', run: () => router.go('networks') },
    { id: 'go.activity', title: t.activity.title, icon: 'activity', shortcut: 'Alt+6', run: () => router.go('activity') },
    { id: 'go.setup', title: t.setup.title, icon: 'wrench', keywords: 'doctor host checks', run: () => router.go('setup') },
    { id: 'go.preferences', title: t.preferences.title, icon: 'gear', keywords: 'settings theme dark light', shortcut: 'Ctrl+,', run: () => router.go('preferences') },
    { id: 'go.about', title: t.about.title, icon: 'info', keywords: 'version', run: () => router.go('about') },
  ];
}

function shell(): Action[] {
  const own: Action[] = [
    { id: 'palette', title: t.palette.open, icon: 'search', shortcut: 'Ctrl+K', run: () => dialogs.show('palette') },
    { id: 'find', title: t.shortcuts.rows.search, icon: 'filter', shortcut: 'Ctrl+F', run: focusSearch },
    { id: 'shortcuts', title: t.shortcuts.title, icon: 'terminal', shortcut: 'Ctrl+?', run: () => dialogs.show('shortcuts') },
    { id: 'sidebar', title: t.app.toggleSidebar, icon: 'sidebar', shortcut: 'F9', run: frame.toggleSidebar },
    { id: 'menu', title: t.app.menu, icon: 'menu', shortcut: 'F10', run: focusMainMenu },
  ];
  if (platform.quit) own.push({ id: 'quit', title: t.app.quit, icon: 'close', shortcut: 'Ctrl+Q', run: platform.quit });
  return own;
}
