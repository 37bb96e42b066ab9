import type { Container, Port } from '$lib/api/types';
import { t } from '$lib/i18n';
import type { Shape, Tone } from '$lib/ui/Mark.svelte';
import type { Pending } from './operate.svelte';

export interface Status {
  word: string;
  shape: Shape;
  tone: Tone;
  /** It runs, or is about to. */
  up: boolean;
}

const pendingWords: Record<Pending, string> = { ...t.containers.states, pausing: t.operate.pausing, unpausing: t.operate.unpausing };

/** What to show of a container: what was asked of it just now wins over what it last said. */
export function status(c: Pick<Container, 'state' | 'exitCode' | 'health'>, pending?: Pending): Status {
  if (pending) return { word: pendingWords[pending], shape: 'busy', tone: 'accent', up: pending !== 'removing' };
  const word = t.containers.states[c.state] ?? c.state;
  switch (c.state) {
    case 'running':
      if (c.health === 'unhealthy') return { word: t.operate.unhealthy, shape: 'triangle', tone: 'bad', up: true };
      return { word, shape: 'dot', tone: 'ok', up: true };
    case 'paused':
      return { word, shape: 'bars', tone: 'warn', up: true };
    case 'starting':
    case 'restarting':
    case 'stopping':
      return { word, shape: 'busy', tone: 'accent', up: true };
    case 'dead':
    case 'broken':
      return { word, shape: 'triangle', tone: 'bad', up: false };
    case 'exited':
      if (c.exitCode === 0) return { word, shape: 'ring', tone: 'idle', up: false };
      return { word: t.containers.exitedWith(c.exitCode), shape: 'ring', tone: 'bad', up: false };
    default:
      return { word, shape: 'ring', tone: 'idle', up: false };
  }
}

/** The address to open for a published port; "" where a browser has no use for it. */
export function portURL(p: Port): string {
  if (!p.hostPort || (p.protocol && p.protocol !== 'tcp')) return '';
  const everywhere = p.hostIP === '' || p.hostIP === '0.0.0.0' || p.hostIP === '::';
  const host = everywhere ? '127.0.0.1' : p.hostIP.includes(':') ? `[${p.hostIP}]` : p.hostIP;
  const scheme = p.containerPort === 443 || p.containerPort === 8443 ? 'https' : 'http';
  return `${scheme}://${host}:${p.hostPort}`;
}

/** The sentence that says why a container ended, where it did not just do its work. */
export function why(c: Pick<Container, 'state' | 'exitCode' | 'reason'>): string {
  const wrong = c.state === 'broken' || c.state === 'dead';
  const ended = (c.state === 'exited' || c.state === 'created') && c.exitCode !== 0;
  return wrong || ended ? (c.reason ?? '') : '';
}
