import type { Settings } from './settings.svelte';

/** How the window is divided at its present width. */
export class Frame {
  /** The sidebar lies over the page, and only when asked for. */
  narrow = $state(false);
  /** The sidebar has icons only. */
  small = $state(false);
  /** What is open has room beside its list. */
  wide = $state(false);
  private over = $state(false);

  constructor(
    private readonly settings: Settings,
    w: Window,
  ) {
    watch(w, '(max-width: 559px)', (on) => (this.narrow = on));
    watch(w, '(max-width: 859px)', (on) => (this.small = on));
    watch(w, '(min-width: 1100px)', (on) => (this.wide = on));
  }

  get sidebar(): boolean {
    return this.narrow ? this.over : this.settings.get('sidebar');
  }

  toggleSidebar = (): void => {
    if (this.narrow) this.over = !this.over;
    else this.settings.set('sidebar', !this.settings.get('sidebar'));
  };

  /** After a choice was made in a sidebar that lies over the page. */
  doneWithSidebar = (): void => {
    this.over = false;
  };
}

function watch(w: Window, query: string, listener: (on: boolean) => void): void {
  const media = w.matchMedia(query);
  listener(media.matches);
  media.addEventListener('change', (e) => listener(e.matches));
}
