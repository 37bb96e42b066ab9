import type { RunSpec } from '$lib/api/types';

export interface Confirm {
  title: string;
  text: string;
  verb: string;
  run: () => void;
}

export type Open =
  | { kind: 'run'; spec: RunSpec }
  | { kind: 'pull'; ref: string }
  | { kind: 'confirm'; confirm: Confirm }
  | { kind: 'palette' }
  | { kind: 'shortcuts' };

/** The one dialog that is open. */
export class Dialogs {
  open = $state.raw<Open>();

  run(spec: RunSpec): void {
    this.open = { kind: 'run', spec };
  }

  pull(ref = ''): void {
    this.open = { kind: 'pull', ref };
  }

  confirm(confirm: Confirm): void {
    this.open = { kind: 'confirm', confirm };
  }

  show(kind: 'palette' | 'shortcuts'): void {
    this.open = { kind };
  }

  close(): void {
    this.open = undefined;
  }
}
