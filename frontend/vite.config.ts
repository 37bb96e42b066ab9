import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { mock } from './dev/mock.ts';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  plugins: [svelte(), mock()],
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
  },
  server: { host: '127.0.0.1' },
  preview: { host: '127.0.0.1' },
  test: { environment: 'node', include: ['src/**/*.test.ts'] },
});
