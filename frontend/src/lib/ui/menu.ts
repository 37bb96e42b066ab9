import type { IconName } from './icons';

export interface MenuItem {
  id: string;
  title: string;
  icon?: IconName;
  shortcut?: string;
  disabled?: boolean;
  /** Why it is disabled, or what it means: a tooltip. */
  hint?: string;
  destructive?: boolean;
  /** A line above. */
  separated?: boolean;
  /** One that is on or off; undefined: one that does something. */
  checked?: boolean;
  run: () => void;
}

/** Where a menu opens: below a button, or at a point. */
export interface Place {
  left: number;
  right: number;
  top: number;
  bottom: number;
}

/** The place that a context menu was asked for at: the pointer, or by key the row itself. */
export function placeOf(e: MouseEvent): Place {
  const row = (e.currentTarget as HTMLElement).getBoundingClientRect();
  const byKey = e.button !== 2 && e.clientX === 0 && e.clientY === 0;
  const x = byKey ? row.left + 24 : e.clientX;
  const y = byKey ? row.bottom : e.clientY;
  return { left: x, right: x, top: y, bottom: y };
}
