export const sections = ['containers', 'logs', 'images', 'search', 'volumes', 'networks', 'secrets', 'registries', 'activity', 'setup', 'preferences', 'about', 'gallery'] as const;
export type Section = (typeof sections)[number];

export interface Route {
  section: Section;
  id: string;
  tab: string;
  query: URLSearchParams;
}

/** #/section/id/tab?query; what makes no sense is the list of containers. */
export function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?', 2);
  const [section = '', id = '', tab = ''] = path.split('/').map(decode);
  const known = sections.find((s) => s === section);
  return { section: known ?? 'containers', id: known ? id : '', tab: known ? tab : '', query: new URLSearchParams(query) };
}

export function format(section: Section, id = '', tab = '', query: Record<string, string> = {}): string {
  const path = [section, id, tab].map(encodeURIComponent).join('/').replace(/\/+$/, '');
  const search = new URLSearchParams(query).toString();
  return `#/${path}${search ? `?${search}` : ''}`;
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

export class Router {
  route = $state.raw<Route>(parse(''));
  private hash = '';

  constructor(private readonly w: Window) {
    this.follow();
    w.addEventListener('hashchange', () => this.follow());
  }

  go(section: Section, id = '', tab = '', query: Record<string, string> = {}): void {
    this.w.location.hash = format(section, id, tab, query);
    // The browser tells of it later: a key that is pressed until then is for the new place.
    this.follow();
  }

  /** Changes the address without a new step to go back to. */
  replace(section: Section, id = '', tab = '', query: Record<string, string> = {}): void {
    this.w.history.replaceState(null, '', format(section, id, tab, query));
    this.follow();
  }

  private follow(): void {
    if (this.w.location.hash === this.hash) return;
    this.hash = this.w.location.hash;
    this.route = parse(this.hash);
  }
}
