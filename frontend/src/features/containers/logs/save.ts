import { client, platform } from '$app/davit.svelte';
import type { Container, LogLine, LogQuery } from '$lib/api/types';
import { plain } from './ansi';

/** Saves all lines that are asked for, not only those that are here; answers what the file is called, "" where they gave up. */
export function saveLog(of: Container[], chosen: LogQuery): Promise<string> {
  const [first, ...others] = of;
  const q: LogQuery = { ...chosen, cursors: false, levels: false };
  if (others.length > 0) q.with = others.map((c) => c.id);
  const name = others.length > 0 ? 'containers.log' : `${first!.name}.log`;
  return platform.saveLog(name, first!.id, q, () => blob(first!.id, q));
}

// In parts: a log of a hundred megabytes is never one string.
async function blob(id: string, q: LogQuery): Promise<Blob> {
  const parts: string[] = [];
  await client.logs(id, q, (lines) => void parts.push(lines.map(textOf).join('')), new AbortController().signal);
  return new Blob(parts, { type: 'text/plain' });
}

function textOf(line: LogLine): string {
  const text = plain(line.text);
  return `${line.time} ${line.container ? `${line.container} | ` : ''}${text}${line.partial ? '' : '\n'}`;
}
