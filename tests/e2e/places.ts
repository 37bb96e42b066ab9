import { join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '../..');

/** The binaries under test. */
export const bin = resolve(process.env.DAVIT_BIN ?? join(root, 'build/bin'));

/** Screenshots and what is left of failed tests. */
export const out = process.env.DAVIT_OUT ? join(resolve(process.env.DAVIT_OUT), 'e2e') : join(import.meta.dirname, 'out');

/** Where the README's picture goes; undefined: it is not drawn. */
export const picture = process.env.DAVIT_SCREENSHOT
  ? process.env.DAVIT_SCREENSHOT === '1'
    ? join(root, 'build/linux/screenshot.png')
    : resolve(process.env.DAVIT_SCREENSHOT)
  : undefined;
