import type { Action } from '$app/actions';
import { copy, dialogs, engine, networks, router, toasts } from '$app/davit.svelte';
import { asApiError } from '$lib/api/errors';
import type { Network, NetworkMember } from '$lib/api/types';
import { t } from '$lib/i18n';
import ConnectDialog from './ConnectDialog.svelte';
import CreateDialog from './CreateDialog.svelte';

const words = t.networks;

export function create(): void {
  dialogs.view(CreateDialog, {});
}

/** What one can do to a network. */
export function menuOf(n: Network): Action[] {
  const builtIn = n.name === 'default';
  return [
    { id: `connect:${n.id}`, title: words.connect, icon: 'plus', run: () => dialogs.view(ConnectDialog, { n }) },
    { id: `copyname:${n.id}`, title: words.copyName, icon: 'copy', run: () => void copy(n.name) },
    { id: `remove:${n.id}`, title: words.remove, icon: 'trash', shortcut: 'Delete', destructive: true, separated: true, disabled: builtIn, run: () => remove(n) },
  ];
}

export function remove(n: Network): void {
  dialogs.confirm({
    title: words.removeTitle(n.name),
    text: words.removeText(n.members),
    verb: words.removeGo,
    run: () => void attempt(words.removeFailed(n.name), words.removed(n.name), () => networks.remove(n.id, { force: true }), n.id),
  });
}

/** Asks with the names of those that no container belongs to. */
export async function prune(): Promise<void> {
  await engine.networks.refresh();
  const unused = engine.networks.items.filter((n) => n.members === 0 && n.name !== 'default').map((n) => n.name);
  if (unused.length === 0) return toasts.show(words.pruneNothing);
  dialogs.confirm({
    title: words.pruneTitle,
    text: words.pruneText(unused.join(', ')),
    verb: words.pruneGo(unused.length),
    run: () => void attempt(words.pruneFailed, words.removed(unused.join(', ')), () => networks.prune()),
  });
}

export function disconnect(n: Network, member: NetworkMember): void {
  const again = () => networks.connect(n.id, member.id, { aliases: member.aliases });
  void networks
    .disconnect(n.id, member.id)
    .then(() =>
      toasts.show(words.disconnected(member.name, n.name), {
        action: { title: t.common.undo, run: () => void again().catch((thrown) => toasts.show(asApiError(thrown).message)) },
      }),
    )
    .catch((thrown) => toasts.show(`${words.disconnectFailed(member.name)}: ${asApiError(thrown).message}`, { seconds: 10 }));
}

async function attempt(failed: string, done: string, work: () => Promise<unknown>, id = ''): Promise<void> {
  try {
    await work();
    await engine.networks.refresh();
    if (id && router.route.section === 'networks' && router.route.id === id) router.go('networks');
    toasts.show(done);
  } catch (thrown) {
    toasts.show(`${failed}: ${asApiError(thrown).message}`, { seconds: 10 });
  }
}
