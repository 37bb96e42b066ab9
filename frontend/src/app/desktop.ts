// What the window does in the session around it. A browser's page does none of it.
import type { Desktop, Notice, Opening, TrayItem } from '$lib/api/platform';
import type { Container, Operation } from '$lib/api/types';
import { t } from '$lib/i18n';

/** Shorter work has its toast; nobody went away meanwhile. */
const worthTelling = 10_000; // ms

/** A menu that is longer is no menu any more. */
const inTray = 12;

/** The notices for operations that ended between two looks at the list. */
export function noticesOf(before: readonly Operation[], now: readonly Operation[]): Notice[] {
  const busy = new Set(before.filter((o) => o.state === 'running').map((o) => o.id));
  return now
    .filter((o) => busy.has(o.id) && (o.state === 'done' || o.state === 'failed'))
    .filter((o) => Date.parse(o.ended ?? '') - Date.parse(o.started) >= worthTelling)
    .map((o) => ({ id: o.id, title: o.title, body: o.error?.msg ?? t.activity.states[o.state] }));
}

/** The tray's menu: what runs can be stopped, the rest is in the window. */
export function trayOf(containers: readonly Container[]): { title: string; items: TrayItem[] } {
  const running = containers.filter((c) => c.state === 'running');
  const title = t.desktop.running(running.length);
  const between: TrayItem = { id: '', title: '', disabled: false };
  const stops = running.slice(0, inTray).map((c) => ({ id: `stop:${c.id}`, title: t.desktop.stop(c.name), disabled: false }));
  return {
    title: `${t.app.name}: ${title}`,
    items: [
      { id: 'show', title: t.desktop.show, disabled: false },
      { id: 'run', title: t.desktop.run, disabled: false },
      between,
      { id: 'count', title, disabled: true },
      ...stops,
      between,
      { id: 'quit', title: t.desktop.quit, disabled: false },
    ],
  };
}

/** What the page does when the session asks for something. */
export interface Asked {
  run(image: string): void;
  showImage(ref: string): void;
  load(path: string): void;
  refused(why: string): void;
  activity(): void;
  stop(id: string): void;
  quit(): void;
}

/** Has the session's wishes reach the page. */
export function follow(session: Desktop, asked: Asked): void {
  session.onOpening((o) => opened(o, asked));
  session.onNotified(() => asked.activity());
  session.onTray((id) => {
    if (id === 'quit') asked.quit();
    else if (id.startsWith('stop:')) asked.stop(id.slice('stop:'.length));
    else session.show();
    if (id === 'run') asked.run('');
  });
}

function opened(o: Opening, asked: Asked): void {
  if (o.kind === 'run') asked.run(o.image);
  else if (o.kind === 'image') asked.showImage(o.image);
  else if (o.kind === 'load') asked.load(o.path);
  else if (o.kind === 'refused') asked.refused(o.why);
}
