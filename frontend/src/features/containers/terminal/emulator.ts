// The terminal emulator. Loaded when the first terminal is opened: it is as
// large as the rest of the front.
import { CanvasAddon } from '@xterm/addon-canvas';
import { FitAddon } from '@xterm/addon-fit';
import { Terminal, type ILink, type ITheme } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { findLinks, webAddress } from './links';

export interface Listener {
  data(bytes: Uint8Array): void;
  resize(rows: number, cols: number): void;
  /** A link was clicked; it has not been opened. */
  link(url: string): void;
  copy(text: string): void;
  leave(): void;
}

const scrollback = 5000;

/** One screen with its past; it may be taken off the page and put back. */
export class Emulator {
  private readonly term: Terminal;
  private readonly fit = new FitAddon();
  private readonly host = document.createElement('div');
  private readonly watch = new ResizeObserver(() => this.refit());

  constructor(
    private readonly listener: Listener,
    label: string,
  ) {
    this.host.style.height = '100%';
    this.term = new Terminal({
      scrollback,
      fontFamily: token('--mono'),
      fontSize: 13,
      lineHeight: 1.2,
      minimumContrastRatio: 4.5,
      theme: theme(),
      linkHandler: { activate: (_e, url) => this.follow(url) },
    });
    this.term.loadAddon(this.fit);
    // Before it is opened: its other renderer wants styles that the page's policy refuses.
    this.term.loadAddon(new CanvasAddon());
    const encoder = new TextEncoder();
    this.term.onData((text) => listener.data(encoder.encode(text)));
    this.term.onBinary((text) => listener.data(Uint8Array.from(text, (c) => c.charCodeAt(0))));
    this.term.onResize(({ rows, cols }) => listener.resize(rows, cols));
    this.term.registerLinkProvider({ provideLinks: (y, callback) => callback(this.links(y)) });
    this.term.attachCustomKeyEventHandler((e) => this.key(e));
    this.term.open(this.host);
    this.term.textarea?.setAttribute('aria-label', label);
  }

  get size() {
    return { rows: this.term.rows, cols: this.term.cols };
  }

  mount(parent: HTMLElement): void {
    parent.append(this.host);
    this.watch.observe(parent);
    this.refit();
    this.term.refresh(0, this.term.rows - 1);
  }

  unmount(): void {
    this.watch.disconnect();
    this.host.remove();
  }

  close(): void {
    this.unmount();
    this.term.dispose();
  }

  /** Resolves when it is drawn, so that a flood waits. */
  write(data: Uint8Array | string): Promise<void> {
    return new Promise((done) => this.term.write(data, done));
  }

  reset(): void {
    this.term.reset();
  }

  clear(): void {
    this.term.clear();
  }

  focus(): void {
    this.term.focus();
  }

  paste(text: string): void {
    this.term.paste(text);
  }

  selection(): string {
    return this.term.getSelection();
  }

  selectAll(): void {
    this.term.selectAll();
  }

  /** What is on the screen, as text. */
  text(): string {
    const buffer = this.term.buffer.active;
    return Array.from({ length: buffer.length }, (_, y) => buffer.getLine(y)?.translateToString(true) ?? '')
      .join('\n')
      .trimEnd();
  }

  look(screenReader: boolean): void {
    this.term.options.theme = theme();
    this.term.options.screenReaderMode = screenReader;
  }

  private refit(): void {
    if (this.host.offsetWidth > 0 && this.host.offsetHeight > 0) this.fit.fit();
  }

  // All keys go to the container but Ctrl+Shift+….
  private key(e: KeyboardEvent): boolean {
    if (!e.ctrlKey || !e.shiftKey) return true;
    if (e.type !== 'keydown') return false;
    if (e.key === 'C' && this.selection()) {
      e.preventDefault();
      this.listener.copy(this.selection());
    } else if (e.key === 'Escape') {
      e.preventDefault();
      e.stopPropagation();
      this.listener.leave();
    }
    return false; // Ctrl+Shift+V is the browser's own paste, the others the page's
  }

  private links(y: number): ILink[] {
    const line = this.term.buffer.active.getLine(y - 1);
    if (!line) return [];
    return findLinks(line.translateToString(true)).map(({ start, end, url }) => ({
      text: url,
      range: { start: { x: start + 1, y }, end: { x: end, y } },
      activate: () => this.follow(url),
    }));
  }

  private follow(url: string): void {
    const address = webAddress(url);
    if (address) this.listener.link(address);
  }
}

function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

function theme(): ITheme {
  const names = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;
  const colours: Record<string, string> = {
    background: token('--view'),
    foreground: token('--fg'),
    cursor: token('--fg'),
    cursorAccent: token('--view'),
    selectionBackground: token('--selected'),
    selectionForeground: token('--fg'),
  };
  names.forEach((name, n) => {
    colours[name] = token(`--ansi-${n}`);
    colours[`bright${name[0]!.toUpperCase()}${name.slice(1)}`] = token(`--ansi-${n + 8}`);
  });
  return colours;
}
