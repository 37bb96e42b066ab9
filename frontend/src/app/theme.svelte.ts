import type { Appearance, Platform } from '$lib/api/platform';
import type { Settings } from './settings.svelte';

/** Writes theme, contrast, density and the desktop's accent on the root element. */
export class Look {
  private desktop = $state.raw<Appearance>({});
  private dark = $state(false);
  private contrast = $state(false);

  constructor(
    private readonly settings: Settings,
    platform: Platform,
    w: Window,
  ) {
    watch(w.matchMedia('(prefers-color-scheme: dark)'), (on) => (this.dark = on));
    watch(w.matchMedia('(prefers-contrast: more)'), (on) => (this.contrast = on));
    platform.onAppearance((a) => (this.desktop = a));
  }

  get theme(): 'light' | 'dark' {
    const chosen = this.settings.get('theme');
    if (chosen !== 'system') return chosen;
    return this.desktop.scheme || (this.dark ? 'dark' : 'light');
  }

  apply(root: HTMLElement): void {
    root.dataset.theme = this.theme;
    root.dataset.density = this.settings.get('density');
    put(root, 'contrast', this.contrast || this.desktop.contrast === 'more' ? 'more' : '');
    const accent = /^#[0-9a-f]{6}$/i.test(this.desktop.accent ?? '') ? this.desktop.accent! : '';
    root.style.setProperty('--system-accent', accent || null);
    put(root, 'accent', accent ? 'system' : '');
  }
}

function put(root: HTMLElement, name: string, value: string): void {
  if (value) root.dataset[name] = value;
  else delete root.dataset[name];
}

function watch(query: MediaQueryList, listener: (on: boolean) => void): void {
  listener(query.matches);
  query.addEventListener('change', (e) => listener(e.matches));
}
