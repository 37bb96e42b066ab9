import type { Action } from './actions';

/** Whether a key press is "Ctrl+Shift+K" and the like. Ctrl+? comes with Shift on most keyboards. */
export function pressed(e: KeyboardEvent, shortcut: string): boolean {
  const parts = shortcut.split('+');
  const key = parts.pop() ?? '';
  const want = { ctrl: parts.includes('Ctrl'), alt: parts.includes('Alt'), shift: parts.includes('Shift') };
  const shiftMatters = /^[a-z0-9]$/i.test(key) || key.length > 1;
  return (
    (e.ctrlKey || e.metaKey) === want.ctrl &&
    e.altKey === want.alt &&
    (!shiftMatters || e.shiftKey === want.shift) &&
    e.key.toLowerCase() === key.toLowerCase()
  );
}

/** Runs the action that has this key; true where there was one. */
export function dispatch(e: KeyboardEvent, actions: Action[]): boolean {
  const action = actions.find((a) => a.shortcut && !a.disabled && pressed(e, a.shortcut));
  if (!action) return false;
  e.preventDefault();
  action.run();
  return true;
}
