import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { archive } from './archive.ts';
import { Davit } from './davit.ts';
import { push, slowDown, startRegistry } from './registry.ts';

/** The registries that all specs share; their addresses go to the workers by the environment. */
export default async function setup(): Promise<() => void> {
  if (process.getuid?.() === 0) throw new Error('Davit refuses root: run these tests as an unprivileged user');
  const dir = mkdtempSync(join(tmpdir(), 'dv-registry-'));
  const registry = await startRegistry(dir);
  // The 25 MB take longer than any test needs to look at them on their way.
  const slow = await slowDown(registry.host, 300_000);
  await push(await sampleArchive(dir), registry.host, 'web:1.0');
  await push(bigArchive(dir), registry.host, 'big:latest');
  process.env.DAVIT_E2E_REGISTRY = registry.host;
  process.env.DAVIT_E2E_SLOW = slow.host;
  return () => {
    slow.stop();
    registry.stop();
    rmSync(dir, { recursive: true, force: true });
  };
}

/** The web server that comes with Davit, to be served as somebody's image. */
async function sampleArchive(dir: string): Promise<string> {
  const path = join(dir, 'web.tar');
  const maker = new Davit();
  try {
    await maker.cli('load', '--sample');
    await maker.cli('save', '-o', path, 'davit.local/sample');
  } finally {
    await maker.remove();
  }
  return path;
}

/** Bytes that do not compress, so that a pull of them takes its time. */
function bigArchive(dir: string): string {
  const path = join(dir, 'big.tar');
  writeFileSync(path, archive({ name: 'big:latest', createdBy: 'COPY big /', data: randomBytes(24 << 20) }));
  return path;
}
