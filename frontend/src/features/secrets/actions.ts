import { SvelteSet } from 'svelte/reactivity';
import type { Action } from '$app/actions';
import { ahead, copy, dialogs, engine, router, toasts, volumes } from '$app/davit.svelte';
import { asApiError } from '$lib/api/errors';
import type { Secret } from '$lib/api/types';
import { t } from '$lib/i18n';

const words = t.secrets;
const undoSeconds = 6;

/** Removed as far as one sees; really removed when nobody called it back. */
export const hidden = new SvelteSet<string>();

/** Asks for a new secret, or for another value of one. */
export async function create(replaced?: Secret): Promise<void> {
  const { default: CreateDialog } = await ahead.hold(import('./CreateDialog.svelte'));
  dialogs.view(CreateDialog, { replaced });
}

/** What one can do to a secret. Its value is told to nobody. */
export function menuOf(s: Secret): Action[] {
  return [
    { id: `replace:${s.id}`, title: words.replace, icon: 'pencil', run: () => void create(s) },
    { id: `copyname:${s.id}`, title: words.copyName, icon: 'copy', run: () => void copy(s.name) },
    { id: `remove:${s.id}`, title: words.remove, icon: 'trash', shortcut: 'Delete', destructive: true, separated: true, run: () => remove([s]) },
  ];
}

/** Hides them at once; the engine hears of it when the time for Undo is over. */
export function remove(chosen: Secret[]): void {
  if (chosen.length === 0) return;
  chosen.forEach((s) => hidden.add(s.id));
  if (chosen.some((s) => s.name === router.route.id) && router.route.section === 'secrets') router.go('secrets');
  const users = [...new Set(chosen.flatMap((s) => s.usedBy))];
  const said = words.removed(chosen.map((s) => s.name));
  toasts.show(users.length > 0 ? `${said}. ${words.removedUsed(users)}` : said, {
    seconds: undoSeconds,
    action: { title: t.common.undo, run: () => chosen.forEach((s) => hidden.delete(s.id)) },
    onexpire: () => chosen.forEach((s) => void reallyRemove(s)),
  });
}

async function reallyRemove(s: Secret): Promise<void> {
  try {
    await volumes.removeSecret(s.id);
  } catch (thrown) {
    const { kind, message } = asApiError(thrown);
    if (kind !== 'not-found') toasts.show(`${words.removeFailed(s.name)}: ${message}`, { seconds: 10 });
  }
  await engine.secrets.refresh();
  hidden.delete(s.id);
}
