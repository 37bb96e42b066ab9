import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';
import type { Part } from './src/features/about/licences';

const name = 'virtual:licences';

/** The module virtual:licences: what the programs and the page are made with, as build/licences finds it when the page is built. */
export function licences(): Plugin {
  let parts: Part[] = [];
  return {
    name: 'licences',
    apply: 'build',
    resolveId: (id) => (id === name ? `\0${name}` : undefined),
    load(id) {
      if (id !== `\0${name}`) return undefined;
      parts = collect();
      return `export default JSON.parse(${JSON.stringify(JSON.stringify(shared(parts)))})`;
    },
    // What the page takes in without its licence being told ends the build.
    generateBundle(_, bundle) {
      const told = new Set(parts.map((part) => part.name));
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== 'chunk') continue;
        const from = chunk.moduleIds.map((id) => /\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id)?.[1]);
        const untold = from.find((one) => one !== undefined && !told.has(one));
        if (untold) this.error(`build/licences does not name ${untold}, which ${chunk.fileName} takes in`);
      }
    },
  };
}

function collect(): Part[] {
  const script = fileURLToPath(new URL('../build/licences', import.meta.url));
  const parts = new Map<string, Part>();
  for (const line of execFileSync(script, { encoding: 'utf8' }).trim().split('\n')) {
    const [name = '', version = '', file = ''] = line.split('\t');
    const part = parts.get(name) ?? { name, version, texts: [] };
    part.texts.push(readFileSync(file, 'utf8').replaceAll('\r\n', '\n').trim());
    parts.set(name, part);
  }
  return [...parts.values()];
}

/** Many have the same words: each text stands once, the parts name it by its place. */
function shared(parts: Part[]) {
  const texts = [...new Set(parts.flatMap((part) => part.texts))];
  return { texts, parts: parts.map((part) => ({ ...part, texts: part.texts.map((text) => texts.indexOf(text)) })) };
}
