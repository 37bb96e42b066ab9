import { t } from '$lib/i18n';
import type { IconName } from '$lib/ui/icons';
import { router } from './davit.svelte';
import type { Action, Actions, Thing } from './actions';

/** A row of the palette. */
export interface Entry {
  id: string;
  title: string;
  detail: string;
  icon: IconName;
  shortcut?: string;
  /** What is searched: title first. */
  words: string;
  thing?: Thing;
  run: () => void;
}

const hidden = new Set(['palette', 'menu']);

export const entries = {
  /** What is selected first, then actions, then things. */
  all(actions: Actions): Entry[] {
    return [
      ...actions.selection().map((a) => fromAction(a, t.palette.kinds.selection ?? '')),
      ...actions.global().filter((a) => !hidden.has(a.id)).map((a) => fromAction(a, '')),
      ...actions.things().map(fromThing),
    ];
  },
  searchFor(text: string): Entry {
    const title = t.palette.searchFor(text);
    return { id: 'search.for', title, detail: '', icon: 'search', words: title, run: () => router.go('search', '', '', { q: text }) };
  },
  ofThing(thing: Thing): Entry[] {
    return thing.actions().filter((a) => !a.disabled).map((a) => fromAction(a, thing.title));
  },
};

function fromAction(a: Action, detail: string): Entry {
  return {
    id: a.id,
    title: a.title,
    detail,
    icon: a.icon,
    shortcut: a.shortcut,
    words: `${a.title} ${a.keywords ?? ''}`,
    run: a.run,
  };
}

function fromThing(thing: Thing): Entry {
  return {
    id: `${thing.kind}:${thing.id}`,
    title: thing.title,
    detail: thing.detail,
    icon: thing.icon,
    words: `${thing.title} ${thing.detail}`,
    thing,
    run: thing.open,
  };
}
