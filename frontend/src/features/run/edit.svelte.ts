import { client, dialogs, engine, router, specs, toasts } from '$app/davit.svelte';
import { ApiError, asApiError, isAbort } from '$lib/api/errors';
import type { EditPlan, RunSpec } from '$lib/api/types';
import { t } from '$lib/i18n';
import { Editor } from './editor.svelte';
import { undoEdit } from '$app/edits';

const settle = 200; // ms without a key until the plan is asked for
const undoSeconds = 12;

/** From a container's settings to changed ones, and back where one wants. */
export class EditFlow {
  editor = $state.raw<Editor>();
  name = $state('');
  plan = $state.raw<EditPlan>();
  keepLayer = $state(true);
  busy = $state(false);
  error = $state.raw<ApiError>();
  private version = '';
  private asked: AbortController | undefined;

  constructor(private readonly ref: string) {}

  async load(): Promise<void> {
    try {
      const detail = await client.container(this.ref);
      this.version = detail.version;
      this.name = detail.name;
      this.editor = new Editor({ ...detail.spec, name: detail.name });
      this.error = undefined;
    } catch (thrown) {
      this.error = asApiError(thrown);
    }
  }

  /** Asks what the changes would do; the function that it returns takes that back. */
  consult(): () => void {
    const spec = this.editor && ($state.snapshot(this.editor.spec) as RunSpec);
    const { keepLayer } = this;
    if (!spec) return () => {};
    const timer = setTimeout(() => void this.ask(spec, keepLayer), settle);
    return () => clearTimeout(timer);
  }

  private async ask(spec: RunSpec, keepLayer: boolean): Promise<void> {
    this.asked?.abort();
    const { signal } = (this.asked = new AbortController());
    try {
      this.plan = await specs.planEdit({ ref: this.ref, version: this.version, spec, keepLayer }, signal);
      if (this.error?.kind === 'conflict') this.error = undefined;
    } catch (thrown) {
      if (!isAbort(thrown)) this.error = asApiError(thrown);
    }
  }

  async apply(): Promise<void> {
    if (!this.editor) return;
    this.busy = true;
    this.error = undefined;
    try {
      await this.present(this.editor.spec);
      const spec = $state.snapshot(this.editor.spec) as RunSpec;
      const edited = await specs.applyEdit({ ref: this.ref, version: this.version, spec, keepLayer: this.keepLayer });
      await engine.containers.refresh();
      dialogs.close();
      if (router.route.id === this.ref && edited.id !== this.ref) router.replace('containers', edited.id, router.route.tab);
      const said = [t.spec.applied(edited.name), ...edited.warnings].join(' ');
      toasts.show(said, { seconds: undoSeconds, action: edited.undo ? { title: t.common.undo, run: () => void undoEdit(edited.id) } : undefined });
    } catch (thrown) {
      this.error = asApiError(thrown);
    }
    this.busy = false;
  }

  /** Another image than before may have to be pulled. */
  private async present(spec: RunSpec): Promise<void> {
    const resolved = await client.resolveImage(spec.image);
    if (resolved.local) return;
    const pull = await client.pull({ ref: spec.image, platform: spec.platform });
    const ended = await engine.operationEnd(pull.id);
    if (ended.error) throw new ApiError(ended.error);
  }
}
