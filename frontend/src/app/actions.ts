import type { IconName } from '$lib/ui/icons';

/** Something one can do: the source of buttons, menus, palette rows and keys. */
export interface Action {
  id: string;
  title: string;
  icon: IconName;
  keywords?: string;
  shortcut?: string;
  destructive?: boolean;
  separated?: boolean;
  disabled?: boolean;
  run: () => void;
}

/** Something one can open, with what one can do to it. */
export interface Thing {
  id: string;
  kind: 'container' | 'image' | 'volume' | 'network' | 'secret';
  title: string;
  detail: string;
  icon: IconName;
  open: () => void;
  actions: () => Action[];
}

/** All actions and things; features add theirs when the page is put together. */
export class Actions {
  private globals: (() => Action[])[] = [];
  private selections: (() => Action[])[] = [];
  private sources: (() => Thing[])[] = [];

  addGlobal(source: () => Action[]): void {
    this.globals.push(source);
  }

  /** Actions of what is selected or open now; empty where nothing is. */
  addSelection(source: () => Action[]): void {
    this.selections.push(source);
  }

  addThings(source: () => Thing[]): void {
    this.sources.push(source);
  }

  global(): Action[] {
    return this.globals.flatMap((source) => source());
  }

  selection(): Action[] {
    return this.selections.flatMap((source) => source());
  }

  things(): Thing[] {
    return this.sources.flatMap((source) => source());
  }
}
