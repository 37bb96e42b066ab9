import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import { client, engine, toasts } from '$app/davit.svelte';
import { asApiError, type ApiError } from '$lib/api/errors';
import type { Container } from '$lib/api/types';
import { t } from '$lib/i18n';

export type Pending = 'starting' | 'stopping' | 'restarting' | 'removing' | 'pausing' | 'unpausing';
export type Bulk = 'start' | 'stop' | 'pause' | 'unpause';

export interface Failure {
  title: string;
  error: ApiError;
  retry: () => void;
}

const undoSeconds = 6;

/** What one does to containers: shown at once, made true by the engine, undone where it fails. */
class Operate {
  readonly pending = new SvelteMap<string, Pending>();
  readonly failures = new SvelteMap<string, Failure>();
  /** Removed as far as one sees; really removed when nobody called it back. */
  readonly hidden = new SvelteSet<string>();

  start = (c: Container) =>
    this.act(c, 'starting', t.containers.startFailed(c.name), () => client.start(c.id), () => this.start(c));

  stop = (c: Container) =>
    this.act(c, 'stopping', t.containers.stopFailed(c.name), () => client.stop(c.id), () => this.stop(c));

  restart = (c: Container) =>
    this.act(c, 'restarting', t.containers.restartFailed(c.name), () => client.restart(c.id), () => this.restart(c));

  kill = (c: Container) =>
    this.act(c, 'stopping', t.containers.stopFailed(c.name), () => client.kill(c.id, 'KILL'), () => this.kill(c));

  pause = (c: Container) =>
    this.act(c, 'pausing', t.operate.pauseFailed(c.name), () => client.pause(c.id), () => this.pause(c));

  unpause = (c: Container) =>
    this.act(c, 'unpausing', t.operate.unpauseFailed(c.name), () => client.unpause(c.id), () => this.unpause(c));

  /** One thing for many containers, told by a toast that takes it back. */
  many = (containers: Container[], verb: Bulk): void => {
    if (containers.length === 0) return;
    const back = { start: 'stop', stop: 'start', pause: 'unpause', unpause: 'pause' }[verb] as Bulk;
    const all = containers.map((c) => this[verb](c));
    toasts.show(t.operate.done[verb](containers.length), {
      seconds: undoSeconds,
      action: { title: t.common.undo, run: () => void this.after(all, () => containers.forEach((c) => void this[back](c))) },
    });
  };

  private async after(all: Promise<void>[], then: () => void): Promise<void> {
    await Promise.all(all);
    then();
  }

  /** Hides them at once; the engine hears of it when the time for Undo is over. */
  remove = (containers: Container[]) => {
    if (containers.length === 0) return;
    containers.forEach((c) => this.hidden.add(c.id));
    toasts.show(t.containers.removed(containers.map((c) => c.name)), {
      seconds: undoSeconds,
      action: { title: t.common.undo, run: () => containers.forEach((c) => this.hidden.delete(c.id)) },
      onexpire: () => containers.forEach((c) => void this.reallyRemove(c)),
    });
  };

  private async reallyRemove(c: Container): Promise<void> {
    await this.act(
      c,
      'removing',
      t.containers.removeFailed(c.name),
      () => client.remove(c.id, { force: true }),
      () => void this.reallyRemove(c),
    );
    this.hidden.delete(c.id);
  }

  private async act(
    c: Container,
    pending: Pending,
    title: string,
    work: () => Promise<unknown>,
    retry: () => void,
  ): Promise<void> {
    this.failures.delete(c.id);
    this.pending.set(c.id, pending);
    try {
      await work();
    } catch (thrown) {
      const error = asApiError(thrown);
      const gone = pending === 'removing' && error.kind === 'not-found';
      if (!gone) this.failures.set(c.id, { title, error, retry });
    }
    await engine.containers.refresh();
    this.pending.delete(c.id);
  }
}

export const operate = new Operate();
