import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import type { Plugin } from 'vite';
import { defineConfig } from 'vitest/config';
import { licences } from './licences.ts';

const api = process.env.DAVIT_API ?? 'http://127.0.0.1:8300';
const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

const common = /node_modules\/(?:svelte|esm-env)\/|\/src\/(?:app\/(?!files\/|Palette|ShortcutsDialog)|lib\/(?!ui\/markdown))/;

/** Tells of every module whether the first picture needs it: what the entry imports, and what that imports. */
function firstOnes(): (id: string, graph: { getModuleInfo(id: string): { importedIds: readonly string[] } | null }) => boolean {
  const first = new Set<string>();
  return (id, graph) => {
    const walk = (at: string) => {
      if (first.has(at)) return;
      first.add(at);
      graph.getModuleInfo(at)?.importedIds.forEach(walk);
    };
    if (first.size === 0) walk(at('./src/main.ts'));
    return first.has(id);
  };
}
const first = firstOnes();

/** Scripts in ASCII: WebKit keeps one with a single other character in twice the memory, and reads it slower. */
function ascii(): Plugin {
  const escaped = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return {
    name: 'ascii',
    generateBundle(_, bundle) {
      for (const part of Object.values(bundle)) if (part.type === 'chunk') part.code = part.code.replace(/[^\x00-\x7f]/g, escaped);
    },
  };
}

/**
 * What the entry needs is asked for with it, as scripts of their own: WebKit
 * takes a preload for a module only after the entry has come. And nothing is
 * drawn before they have run: an empty page would be all there is to draw.
 */
function atOnce(html: string): string {
  const script = '<script type="module" crossorigin ';
  const needed = [...html.matchAll(/\s*<link rel="modulepreload" crossorigin (href="[^"]+")>/g)];
  const scripts = needed.map(([, href]) => `${script}${href!.replace('href', 'src')}></script>\n    `).join('');
  const without = needed.reduce((rest, [tag]) => rest.replace(tag, ''), html);
  return without.replace(script, () => `${scripts}${script}blocking="render" `);
}

export default defineConfig({
  plugins: [svelte(), licences(), ascii(), { name: 'at-once', enforce: 'post', transformIndexHtml: { order: 'post', handler: atOnce } }],
  resolve: { alias: { $lib: at('./src/lib'), $app: at('./src/app') } },
  build: {
    // WebKitGTK of Debian 12 and every browser of the last years.
    target: ['safari16.4', 'chrome111', 'firefox114'],
    // A page served with style-src 'self' and no data: fonts inlines nothing.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The window and davit serve load the page from memory: one script is the
    // quickest first paint, and the whole front stays under 130 KB gzip.
    chunkSizeWarningLimit: 450,
    cssCodeSplit: false,
    // What comes later brings only its own: without this, each thing that two
    // parts use becomes a script of its own, and the first paint waits for all.
    rolldownOptions: { output: { codeSplitting: { groups: [{ priority: 1, test: common, name: (id, graph) => (first(id, graph) ? 'shared' : null) }, { test: common, name: 'later' }] } } },
  },
  // npm run dev shows the page over a pretended engine:
  // go run ./backend/api/apitest/fakeserve -addr 127.0.0.1:8300
  server: { host: '127.0.0.1', proxy: { '/v1': api, '/auth': api } },
  test: { environment: 'node', include: ['src/**/*.test.ts'], testTimeout: 30_000 }, // no test waits for time to pass: a busy computer gets patience
});
