export type Theme = 'system' | 'light' | 'dark';
export type Density = 'normal' | 'compact' | 'roomy';

export type GroupBy = 'project' | 'state' | 'image' | 'none';
export type SortBy = 'created' | 'name' | 'state';

export type ImageSort = 'created' | 'name' | 'size' | 'used';

interface Stored {
  theme: Theme;
  density: Density;
  sidebar: boolean;
  listWidth: number; // px; 0: as it comes
  groupBy: GroupBy;
  sortBy: SortBy;
  closedGroups: string[];
  imageView: 'list' | 'tree';
  imageSort: ImageSort;
  logWrap: boolean;
  logClock: 'none' | 'local' | 'utc' | 'relative';
  logShow: 'colours' | 'fields' | 'raw';
  screenReader: boolean; // terminals say what they show
  notify: boolean; // of long work that ended while nobody looked
  tray: boolean;
  staysInTray: boolean; // when the window is closed
  recent: string[]; // ids of palette entries, newest first
}

const defaults: Stored = {
  theme: 'system',
  density: 'normal',
  sidebar: true,
  listWidth: 0,
  groupBy: 'project',
  sortBy: 'created',
  closedGroups: [],
  imageView: 'list',
  imageSort: 'created',
  logWrap: false,
  logClock: 'none',
  logShow: 'colours',
  screenReader: false,
  notify: true,
  tray: true,
  staysInTray: false,
  recent: [],
};

const at = 'davit.settings';
const recentKept = 12;

/** What a person chose, kept in this browser or window. */
export class Settings {
  private kept = $state<Stored>(defaults);

  constructor(private readonly storage: Storage | undefined) {
    try {
      this.kept = { ...defaults, ...(JSON.parse(storage?.getItem(at) ?? '{}') as Partial<Stored>) };
    } catch {
      // Foreign or torn settings: as if there were none.
    }
  }

  get<K extends keyof Stored>(key: K): Stored[K] {
    return this.kept[key];
  }

  set<K extends keyof Stored>(key: K, value: Stored[K]): void {
    this.kept[key] = value;
    try {
      this.storage?.setItem(at, JSON.stringify(this.kept));
    } catch {
      // Storage that is full or forbidden: the choice lasts as long as the page.
    }
  }

  used(id: string): void {
    this.set('recent', [id, ...this.kept.recent.filter((other) => other !== id)].slice(0, recentKept));
  }
}
