import { projectOf } from '$app/projects';
import type { GroupBy, SortBy } from '$app/settings.svelte';
import type { Container } from '$lib/api/types';
import { familiarName } from '$lib/format';
import { t } from '$lib/i18n';

/** A row of the list: a container, or the head of a group of them. */
export type Entry = { kind: 'container'; id: string; c: Container } | Group;

export interface Group {
  kind: 'group';
  id: string;
  title: string;
  members: Container[];
  open: boolean;
}

let collator: Intl.Collator | undefined;
const stateOrder = ['running', 'restarting', 'starting', 'stopping', 'paused', 'created', 'exited', 'dead', 'broken'];

// The rules of a language are not loaded until there is something to sort.
function byName(a: string, b: string): number {
  collator ??= new Intl.Collator(undefined, { numeric: true });
  return collator.compare(a, b);
}

function compare(by: SortBy): (a: Container, b: Container) => number {
  if (by === 'name') return (a, b) => byName(a.name, b.name);
  return (a, b) => stateOrder.indexOf(a.state) - stateOrder.indexOf(b.state) || byName(a.name, b.name);
}

function groupOf(c: Container, by: GroupBy): string {
  switch (by) {
    case 'project':
      return projectOf(c);
    case 'image':
      return familiarName(c.image);
    case 'state':
      return c.state === 'paused' ? t.operate.stateGroups.paused : stateOrder.indexOf(c.state) < 4 ? t.operate.stateGroups.up : t.operate.stateGroups.down;
    default:
      return '';
  }
}

/**
 * Order and groups of containers. While it is held, what is there keeps both
 * and what is new comes last, so that nothing moves under the pointer.
 */
export class Arrangement {
  private order: string[] = [];
  private groups = new Map<string, string>();

  of(items: Container[], sort: SortBy, group: GroupBy, held: boolean): { c: Container; group: string }[] {
    const sorted = held ? this.kept(items) : sort === 'created' ? items : [...items].sort(compare(sort));
    const rows = sorted.map((c) => ({ c, group: (held ? this.groups.get(c.id) : undefined) ?? groupOf(c, group) }));
    this.order = sorted.map((c) => c.id);
    this.groups = new Map(rows.map(({ c, group }) => [c.id, group]));
    return rows;
  }

  private kept(items: Container[]): Container[] {
    const now = new Map(items.map((c) => [c.id, c]));
    const before = new Set(this.order);
    const stay = this.order.map((id) => now.get(id)).filter((c) => c !== undefined);
    return [...stay, ...items.filter((c) => !before.has(c.id))];
  }
}

/** The rows to draw: groups by name, each with its containers where it is open, then what is in none. */
export function entries(rows: { c: Container; group: string }[], closed: (id: string) => boolean): Entry[] {
  const groups = new Map<string, Container[]>();
  for (const { c, group } of rows) {
    const members = groups.get(group);
    if (members) members.push(c);
    else groups.set(group, [c]);
  }
  const single = (groups.get('') ?? []).map(row);
  groups.delete('');
  if (groups.size === 0) return single;
  const titles = [...groups.keys()].sort(byName);
  const headed = titles.flatMap((title) => section(title, groups.get(title)!, closed));
  return single.length > 0 ? [...headed, ...section('', rows.filter((r) => r.group === '').map((r) => r.c), closed)] : headed;
}

function section(title: string, members: Container[], closed: (id: string) => boolean): Entry[] {
  const id = `group:${title}`;
  const open = !closed(id);
  const head: Group = { kind: 'group', id, title: title || t.operate.single, members, open };
  return open ? [head, ...members.map(row)] : [head];
}

function row(c: Container): Entry {
  return { kind: 'container', id: c.id, c };
}
