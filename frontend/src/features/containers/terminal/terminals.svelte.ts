import { copy, dialogs, platform, sessions } from '$app/davit.svelte';
import { asApiError, isAbort, type ApiError } from '$lib/api/errors';
import { decode, type HeldSession, type SessionOutput, type SessionSpec } from '$lib/api/sessions';
import type { Exit } from '$lib/api/types';
import { t } from '$lib/i18n';
import type { Emulator } from './emulator';

const words = t.terminal;

/** One session: its screen is kept while other pages are looked at, its output is read while it is seen. */
export class TerminalSession {
  phase = $state<'live' | 'ended' | 'broken'>('live');
  exit = $state.raw<Exit>();
  error = $state.raw<ApiError>();
  emulator: Emulator | undefined;
  private at = 0;
  private joined = new AbortController();
  private running = Promise.resolve();
  private readonly type: (bytes: Uint8Array) => void;

  constructor(
    readonly held: HeldSession,
    readonly spec?: SessionSpec,
  ) {
    this.type = sessions.input(held.id, (thrown) => this.broke(thrown));
  }

  async show(parent: HTMLElement, leave: () => void): Promise<void> {
    const { Emulator } = await import('./emulator');
    if (!parent.isConnected) return;
    this.emulator ??= new Emulator(this.listener(leave), words.input(this.held.title));
    this.emulator.mount(parent);
    this.emulator.focus();
    this.join();
  }

  hide(): void {
    this.joined.abort();
    this.emulator?.unmount();
  }

  /** Reads on from where it left; the stream before has ended by then. */
  join(): void {
    this.joined.abort();
    const { signal } = (this.joined = new AbortController());
    this.running = this.running.then(() => this.read(signal));
  }

  close(): void {
    this.joined.abort();
    this.emulator?.close();
    // It may have ended with its engine.
    sessions.close(this.held.id).catch(() => {});
  }

  private async read(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.phase === 'ended') return;
    this.phase = 'live';
    try {
      await sessions.join(this.held.id, this.at, (out) => this.take(out), signal);
    } catch (thrown) {
      if (!signal.aborted && !isAbort(thrown)) this.broke(thrown);
    }
  }

  private async take(pieces: SessionOutput[]): Promise<void> {
    for (const piece of pieces) {
      if (piece.lost) {
        this.emulator?.reset();
        await this.emulator?.write(`${words.lost}\r\n`);
      }
      if (piece.data) await this.emulator?.write(decode(piece.data));
      this.at = piece.at;
      if (piece.exit || piece.error) {
        this.phase = 'ended';
        this.exit = piece.exit;
        this.error = piece.error && asApiError(piece.error);
      }
    }
  }

  private broke(thrown: unknown): void {
    if (this.phase !== 'live') return;
    this.phase = 'broken';
    this.error = asApiError(thrown);
  }

  private listener(leave: () => void) {
    return {
      // What a replay makes the emulator answer was answered when it was new.
      data: (bytes: Uint8Array) => this.phase === 'live' && this.at >= this.held.at && this.type(bytes),
      resize: (rows: number, cols: number) => void sessions.resize(this.held.id, rows, cols).catch(() => {}),
      link: askBeforeOpening,
      copy: (text: string) => void copy(text),
      leave,
    };
  }
}

function askBeforeOpening(url: string): void {
  dialogs.confirm({
    title: words.linkTitle,
    text: words.linkText(url),
    verb: words.linkOpen,
    run: () => platform.openURL(url),
  });
}

/** The sessions of all containers, as long as the page is there; those of the page before it come back. */
class Terminals {
  all = $state.raw<TerminalSession[]>([]);
  /** Which is seen, by container. */
  current = $state<Record<string, string>>({});
  private loaded: Promise<void> | undefined;

  load(): Promise<void> {
    this.loaded ??= sessions.list().then(
      (list) => (this.all = [...list.map((held) => new TerminalSession(held)), ...this.all]) && undefined,
      () => (this.loaded = undefined),
    );
    return this.loaded;
  }

  of(container: string): TerminalSession[] {
    return this.all.filter((s) => s.held.container === container);
  }

  seen(container: string): TerminalSession | undefined {
    const own = this.of(container);
    return own.find((s) => s.held.id === this.current[container]) ?? own.at(-1);
  }

  async open(spec: SessionSpec): Promise<void> {
    const held = await sessions.open(spec);
    this.all = [...this.all, new TerminalSession(held, spec)];
    this.current[spec.container] = held.id;
  }

  close(session: TerminalSession): void {
    session.close();
    this.all = this.all.filter((s) => s !== session);
  }
}

export const terminals = new Terminals();
