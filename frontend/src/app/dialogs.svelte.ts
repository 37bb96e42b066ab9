import type { Component } from 'svelte';
import type { RunSpec } from '$lib/api/types';

export interface Confirm {
  title: string;
  text: string;
  verb: string;
  run: () => void;
}

export type Open =
  | { kind: 'run'; spec: RunSpec; paste?: string }
  | { kind: 'edit'; ref: string }
  | { kind: 'pull'; ref: string }
  | { kind: 'confirm'; confirm: Confirm }
  | { kind: 'view'; view: Component; props: Record<string, unknown> }
  | { kind: 'palette' }
  | { kind: 'shortcuts' };

/** The one dialog that is open. */
export class Dialogs {
  open = $state.raw<Open>();

  run(spec: RunSpec): void {
    this.open = { kind: 'run', spec };
  }

  /** The form, filled from a run line, a compose file or an image's name. */
  paste(text: string): void {
    this.open = { kind: 'run', spec: { image: '' }, paste: text };
  }

  edit(ref: string): void {
    this.open = { kind: 'edit', ref };
  }

  pull(ref = ''): void {
    this.open = { kind: 'pull', ref };
  }

  confirm(confirm: Confirm): void {
    this.open = { kind: 'confirm', confirm };
  }

  /** A feature's own dialog. */
  view<P extends Record<string, unknown>>(view: Component<P>, props: P): void {
    this.open = { kind: 'view', view: view as unknown as Component, props };
  }

  show(kind: 'palette' | 'shortcuts'): void {
    this.open = { kind };
  }

  close(): void {
    this.open = undefined;
  }
}
