// Where the page runs: in Davit's window or in a browser. The only place that
// knows Wails.

import type { FilePath, LogQuery, Unpacked } from './types';

/** app/desktop's bound methods, as far as the front calls them. */
export interface Bridge {
  OpenURL(url: string): Promise<void>;
  PickFile?(): Promise<string>;
  PickFolder?(): Promise<string>;
  PickSave?(name: string): Promise<string>;
  SaveText?(name: string, text: string): Promise<string>;
  Appearance?(): Promise<Appearance>;
  Opening?(): Promise<Opening>;
  Notify?(n: Notice): Promise<void>;
  Tray?(title: string, items: TrayItem[], stays: boolean): Promise<void>;
  TrayShown?(): Promise<boolean>;
  Show?(): Promise<void>;
  Quit?(): Promise<void>;
}

/** What somebody asked the window to show; never carried out by itself. */
export interface Opening {
  kind: 'run' | 'image' | 'load' | 'refused' | '';
  image: string;
  path: string;
  why: string;
}

/** What the desktop tells while nobody looks at the window. */
export interface Notice {
  id: string;
  title: string;
  body: string;
}

/** A line of the tray's menu; without an id it is a line between. */
export interface TrayItem {
  id: string;
  title: string;
  disabled: boolean;
}

/** The session around the window; a browser's page has none. */
export interface Desktop {
  onOpening(listener: (o: Opening) => void): void;
  notify(n: Notice): void;
  onNotified(listener: (id: string) => void): void;
  tray(title: string, items: TrayItem[], stays: boolean): void;
  onTray(listener: (id: string) => void): void;
  trayShown(): Promise<boolean>;
  show(): void;
}

/** What the desktop says of its looks. */
export interface Appearance {
  scheme?: 'light' | 'dark' | '';
  contrast?: 'more' | '';
  accent?: string; // #rrggbb
}

interface WailsRuntime {
  ClipboardSetText?(text: string): Promise<boolean>;
  ClipboardGetText?(): Promise<string>;
  EventsOn?(name: string, callback: (value: unknown) => void): () => void;
  Quit?(): void;
}

/** The bound verbs that are more than their call over the wire. */
interface Verbs {
  SaveFile?(at: FilePath, dir: boolean, path: string): Promise<void>;
  SaveFiles?(at: FilePath, only: string[], path: string): Promise<void>;
  SaveLog?(ref: string, q: LogQuery, path: string): Promise<void>;
  SendFolder?(at: FilePath, folder: string): Promise<Unpacked>;
  ShowFiles?(at: FilePath, only: string[]): Promise<Shown>;
}

/** What the file manager was given. */
export interface Shown {
  folder: string;
  copied: boolean; // it is a copy, which goes when the window is closed
  files: number; // copied
  left: number; // not copied: links that lead elsewhere, devices
}

interface WailsWindow {
  go?: Record<string, { Bridge?: Bridge; Verbs?: Verbs } | undefined>;
  runtime?: WailsRuntime;
}

/** What of a path to save: a file, a directory as an archive, or only some names in it. */
export interface Saved {
  dir: boolean;
  only?: string[];
}

export interface Platform {
  desktop: boolean;
  /** Opens an http or https address in the person's browser; others are refused. */
  openURL(url: string): void;
  copy(text: string): Promise<void>;
  /** What the clipboard holds; refused where the browser does not let the page see it. */
  paste(): Promise<string>;
  /** A path chosen in the desktop's dialog; undefined where the page has to ask for a file itself. */
  pickPath?: () => Promise<string>;
  /** A path to write to, chosen in the desktop's dialog; "": it was closed. */
  pickSave?: (name: string) => Promise<string>;
  saveText(name: string, text: string): Promise<void>;
  /** Keeps a file, or a directory as an archive, where the person wants it; what it is called there, "" where they gave up. */
  saveFile(name: string, at: FilePath, what: Saved, blob: () => Promise<Blob>): Promise<string>;
  /** Keeps a log likewise. */
  saveLog(name: string, ref: string, q: LogQuery, blob: () => Promise<Blob>): Promise<string>;
  /** Hands the browser a file to keep. */
  saveBlob(name: string, blob: Blob): void;
  /** Asks for a folder of this computer; '' where the person gave up. */
  pickFolder?: () => Promise<string>;
  /** Sends a folder of this computer into one of a container or volume. */
  sendFolder?: (at: FilePath, folder: string) => Promise<Unpacked>;
  /** Opens a folder in the file manager, or selects names in it; a browser's page cannot. */
  showFiles?: (at: FilePath, only: string[]) => Promise<Shown>;
  onAppearance(listener: (a: Appearance) => void): void;
  quit?: () => void;
  session?: Desktop;
}

export function detectPlatform(w: Window & typeof globalThis): Platform {
  const wails = w as unknown as WailsWindow;
  const bridge = Object.values(wails.go ?? {}).find((pkg) => pkg?.Bridge)?.Bridge;
  const verbs = Object.values(wails.go ?? {}).find((pkg) => pkg?.Verbs)?.Verbs;
  const desktop = bridge !== undefined || wails.runtime !== undefined;
  return {
    desktop,
    openURL: (url) => openURL(w, bridge, url),
    copy: (text) => copy(w, wails.runtime, text),
    paste: async () => (await wails.runtime?.ClipboardGetText?.()) ?? w.navigator.clipboard.readText(),
    pickPath: bridge?.PickFile ? () => bridge.PickFile!() : undefined,
    pickSave: bridge?.PickSave ? (name) => bridge.PickSave!(name) : undefined,
    saveText: (name, text) => saveText(w, bridge, name, text),
    saveBlob: (name, blob) => saveBlob(w, name, blob),
    saveFile: async (name, at, { dir, only }, blob) => {
      if (!bridge?.PickSave || !verbs?.SaveFile) {
        saveBlob(w, name, await blob());
        return name;
      }
      const path = await bridge.PickSave(name);
      if (path) await (only && verbs.SaveFiles ? verbs.SaveFiles(at, only, path) : verbs.SaveFile(at, dir, path));
      return path;
    },
    saveLog: async (name, ref, q, blob) => {
      if (!bridge?.PickSave || !verbs?.SaveLog) {
        saveBlob(w, name, await blob());
        return name;
      }
      const path = await bridge.PickSave(name);
      if (path) await verbs.SaveLog(ref, q, path);
      return path;
    },
    pickFolder: bridge?.PickFolder && verbs?.SendFolder ? () => bridge.PickFolder!() : undefined,
    sendFolder: verbs?.SendFolder ? (at, folder) => verbs.SendFolder!(at, folder) : undefined,
    showFiles: verbs?.ShowFiles ? (at, only) => verbs.ShowFiles!(at, only) : undefined,
    onAppearance: (listener) => {
      void bridge?.Appearance?.().then(listener);
      wails.runtime?.EventsOn?.('appearance', (a) => listener(a as Appearance));
    },
    quit: desktop ? () => void (bridge?.Quit?.() ?? wails.runtime?.Quit?.()) : undefined,
    session: bridge && wails.runtime ? desktopOf(bridge, wails.runtime) : undefined,
  };
}

function desktopOf(bridge: Bridge, runtime: WailsRuntime): Desktop {
  const on = <T>(name: string, listener: (value: T) => void) => void runtime.EventsOn?.(name, (value) => listener(value as T));
  return {
    onOpening: (listener) => {
      on<Opening>('opening', listener);
      void bridge.Opening?.().then((o) => o.kind && listener(o));
    },
    // A desktop without notifications has the list of activities all the same.
    notify: (n) => void bridge.Notify?.(n).catch(() => undefined),
    onNotified: (listener) => on('notified', listener),
    tray: (title, items, stays) => void bridge.Tray?.(title, items, stays),
    onTray: (listener) => on('tray', listener),
    trayShown: async () => (await bridge.TrayShown?.()) ?? false,
    show: () => void bridge.Show?.(),
  };
}

function openURL(w: Window & typeof globalThis, bridge: Bridge | undefined, url: string): void {
  if (!/^https?:\/\//i.test(url)) return;
  if (bridge) void bridge.OpenURL(url);
  else w.open(url, '_blank', 'noopener,noreferrer');
}

// The window's own scheme is no secure context, so navigator.clipboard may be missing.
async function copy(w: Window & typeof globalThis, runtime: WailsRuntime | undefined, text: string): Promise<void> {
  if (runtime?.ClipboardSetText && (await runtime.ClipboardSetText(text))) return;
  await w.navigator.clipboard.writeText(text);
}

async function saveText(
  w: Window & typeof globalThis,
  bridge: Bridge | undefined,
  name: string,
  text: string,
): Promise<void> {
  if (bridge?.SaveText) {
    await bridge.SaveText(name, text);
    return;
  }
  saveBlob(w, name, new Blob([text], { type: 'text/plain' }));
}

function saveBlob(w: Window & typeof globalThis, name: string, blob: Blob): void {
  const url = w.URL.createObjectURL(blob);
  const link = w.document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  w.setTimeout(() => w.URL.revokeObjectURL(url), 60_000);
}
