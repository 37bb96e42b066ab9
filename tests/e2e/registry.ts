import { execFile, spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer as createHTTP, request } from 'node:http';
import { createServer as createTCP, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Registry {
  host: string;
  stop: () => void;
}

/** Debian's docker-registry on a free port of loopback, its files in dir. */
export async function startRegistry(dir: string): Promise<Registry> {
  const host = `127.0.0.1:${await freePort()}`;
  mkdirSync(dir, { recursive: true });
  const config = join(dir, 'config.yml');
  writeFileSync(config, `version: 0.1\nlog: {level: error}\nstorage: {filesystem: {rootdirectory: ${dir}/store}, delete: {enabled: true}}\nhttp: {addr: ${host}}\n`);
  const server = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  for (let tries = 0; !(await answers(host)); tries++) {
    if (tries > 100 || server.exitCode !== null) throw new Error(`docker-registry does not answer on ${host}`);
    await sleep(50);
  }
  return { host, stop: () => void server.kill() };
}

async function answers(host: string): Promise<boolean> {
  return fetch(`http://${host}/v2/`).then((r) => r.ok).catch(() => false);
}

/** Passes everything on to host, but sends bodies of blobs at so many bytes a second. */
export async function slowDown(host: string, perSecond: number): Promise<Registry> {
  const server = createHTTP((req, res) => {
    const onward = request(`http://${host}${req.url}`, { method: req.method, headers: { ...req.headers, host } }, (answer) => {
      res.writeHead(answer.statusCode ?? 502, answer.headers);
      if (!req.url?.includes('/blobs/')) return void answer.pipe(res);
      void trickle(answer, perSecond, (chunk) => res.write(chunk)).finally(() => res.end());
    });
    res.on('close', () => onward.destroy());
    onward.on('error', () => res.destroy());
    req.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return { host: `127.0.0.1:${port}`, stop: () => server.close().closeAllConnections() };
}

async function trickle(body: AsyncIterable<Buffer>, perSecond: number, write: (chunk: Buffer) => void): Promise<void> {
  try {
    for await (const chunk of body) {
      write(chunk);
      await sleep((chunk.length / perSecond) * 1000);
    }
  } catch {
    // The one who asked went away.
  }
}

/** Puts a docker-archive into a registry. */
export async function push(archivePath: string, host: string, name: string): Promise<void> {
  await run('skopeo', ['--insecure-policy', 'copy', '--quiet', '--dest-tls-verify=false', `docker-archive:${archivePath}`, `docker://${host}/${name}`]);
}

async function freePort(): Promise<number> {
  const server = createTCP();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
