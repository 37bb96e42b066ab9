import { projectOf } from '$app/projects';
import type { Container } from '$lib/api/types';


/** What "is:" can ask for. */
export const kinds = ['running', 'stopped', 'failed', 'unhealthy'] as const;
export type Kind = (typeof kinds)[number];

const is: Record<Kind, (c: Container) => boolean> = {
  running: (c) => ['running', 'paused', 'starting', 'restarting', 'stopping'].includes(c.state),
  stopped: (c) => ['exited', 'created', 'dead'].includes(c.state),
  failed: (c) => c.state === 'dead' || c.state === 'broken' || (c.state === 'exited' && c.exitCode !== 0),
  unhealthy: (c) => c.health === 'unhealthy',
};

const fields: Record<string, (c: Container, value: string) => boolean> = {
  is: (c, value) => is[value as Kind]?.(c) ?? c.state === value,
  project: (c, value) => projectOf(c).toLowerCase() === value,
  image: (c, value) => c.image.toLowerCase().includes(value),
  name: (c, value) => c.name.toLowerCase().includes(value),
  port: (c, value) => c.ports.some((p) => String(p.hostPort) === value || String(p.containerPort) === value),
  label: (c, value) => Object.entries(c.labels).some(([k, v]) => k.toLowerCase() === value || `${k}=${v}`.toLowerCase() === value),
};

/** Words and field:value, in quotes where there is a space in them. */
export function terms(filter: string): string[] {
  return (filter.match(/(?:[^\s"]+|"[^"]*"?)+/g) ?? []).map((term) => term.replaceAll('"', ''));
}

/** A container that passes all terms of a filter. */
export function matches(c: Container, filter: string): boolean {
  return terms(filter.toLowerCase()).every((term) => {
    const cut = term.indexOf(':');
    const field = cut > 0 ? fields[term.slice(0, cut)] : undefined;
    return field ? field(c, term.slice(cut + 1)) : mentions(c, term);
  });
}

function mentions(c: Container, word: string): boolean {
  const ports = c.ports.map((p) => `:${p.hostPort}`);
  return [c.name, c.image, c.id, c.state, projectOf(c), ...ports].some((text) => text.toLowerCase().includes(word));
}

export function hasKind(filter: string, kind: Kind): boolean {
  return terms(filter).includes(`is:${kind}`);
}

/** The filter with a kind asked for, or no more. */
export function toggleKind(filter: string, kind: Kind): string {
  const others = terms(filter).filter((term) => !term.startsWith('is:'));
  const words = others.map((term) => (/\s/.test(term) ? `"${term}"` : term));
  return (hasKind(filter, kind) ? words : [`is:${kind}`, ...words]).join(' ');
}
