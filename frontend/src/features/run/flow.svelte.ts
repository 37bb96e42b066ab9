import { client, dialogs, engine, router, toasts } from '$app/davit.svelte';
import { ApiError, asApiError } from '$lib/api/errors';
import type { RunSpec } from '$lib/api/types';
import { t } from '$lib/i18n';

export type Step = 'form' | 'pulling' | 'creating' | 'starting';

/** From a filled-in form to a running container. It goes on when the form is closed. */
export class RunFlow {
  step = $state<Step>('form');
  operationID = $state('');
  error = $state.raw<{ title: string; error: ApiError }>();
  private away = false;

  /** The form is closed, the work goes on: its end is told by a toast. */
  leave(): void {
    this.away = true;
  }

  async run(spec: RunSpec): Promise<void> {
    this.error = undefined;
    let title = t.run.pullFailed;
    try {
      const image = await this.present(spec);
      title = t.run.failed;
      const made = await this.create({ ...spec, image });
      await engine.containers.refresh();
      this.arrive(made.id, made.name, made.warnings);
    } catch (thrown) {
      this.fail(title, asApiError(thrown));
    }
    this.step = 'form';
  }

  async cancelPull(): Promise<void> {
    if (this.operationID) await client.cancelOperation(this.operationID).catch(() => {});
  }

  /** Makes sure that the image is here; its complete name. */
  private async present(spec: RunSpec): Promise<string> {
    const resolved = await client.resolveImage(spec.image);
    if (resolved.local) return spec.image;
    this.step = 'pulling';
    const pull = await client.pull({ ref: spec.image, platform: spec.platform });
    this.operationID = pull.id;
    void engine.watchOperations();
    const ended = await engine.operationEnd(pull.id);
    if (ended.state === 'cancelled') throw new ApiError({ kind: 'cancelled', msg: t.run.cancelled });
    if (ended.error) throw new ApiError(ended.error);
    return ended.image || spec.image;
  }

  private async create(spec: RunSpec) {
    this.step = 'creating';
    const made = await client.create(spec);
    this.step = 'starting';
    try {
      await client.start(made.id);
    } catch (thrown) {
      // What cannot start is not left behind: the form has all of it still.
      await client.remove(made.id, { force: true }).catch(() => {});
      throw thrown;
    }
    return made;
  }

  private arrive(id: string, name: string, warnings: string[]): void {
    const note = warnings.length > 0 ? `${t.run.warnings}: ${warnings.join(' ')}` : '';
    if (this.away) {
      toasts.show(note || t.run.running(name), { action: { title: t.common.view, run: () => router.go('containers', id, 'logs') } });
      return;
    }
    dialogs.close();
    router.go('containers', id, 'logs');
    if (note) toasts.show(note);
  }

  private fail(title: string, error: ApiError): void {
    this.error = { title, error };
    if (this.away && error.kind !== 'cancelled') toasts.show(`${title}: ${error.message}`, { seconds: 10 });
  }
}
