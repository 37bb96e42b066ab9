import { createHash } from 'node:crypto';
import { tar, type Entry } from './tar.ts';

export interface Made {
  name: string;
  /** The command that the history says made the one layer. */
  createdBy: string;
  data: Buffer;
}

/** A docker-archive as one makes by hand: manifest.json, a config and one layer. */
export function archive({ name, createdBy, data }: Made): Buffer {
  const layer = tar([{ name: 'data.bin', data }]);
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '2026-04-30T12:00:00Z',
    config: {
      Cmd: ['/serve', '--greeting', 'hello there'],
      Env: ['GREETING=hello <b>there</b>'],
      ExposedPorts: { '8080/tcp': {} },
      Volumes: { '/var/lib/hand-made': {} },
      Labels: { 'org.example.made-by': 'hand' },
      User: '1000',
      WorkingDir: '/srv',
    },
    rootfs: { type: 'layers', diff_ids: [`sha256:${createHash('sha256').update(layer).digest('hex')}`] },
    history: [{ created: '2026-04-30T12:00:00Z', created_by: createdBy }],
  });
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: ['layer.tar'] }]);
  return tar([
    { name: 'manifest.json', data: manifest },
    { name: 'config.json', data: config },
    { name: 'layer.tar', data: layer },
  ]);
}

export interface MadeLayer {
  createdBy: string;
  files: Entry[];
}

/** A docker-archive of an image with several layers, lowest first; a file .wh.NAME takes NAME away. */
export function layered(name: string, layers: MadeLayer[], env: string[] = []): Buffer {
  const tars = layers.map((l) => tar(l.files));
  const config = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created: '2026-05-01T12:00:00Z',
    config: { Cmd: ['/bin/app'], Env: ['PATH=/bin', ...env] },
    rootfs: { type: 'layers', diff_ids: tars.map((t) => `sha256:${createHash('sha256').update(t).digest('hex')}`) },
    history: layers.map((l) => ({ created: '2026-05-01T12:00:00Z', created_by: l.createdBy })),
  });
  const files = tars.map((data, at) => ({ name: `layer${at}.tar`, data }));
  const manifest = JSON.stringify([{ Config: 'config.json', RepoTags: [name], Layers: files.map((f) => f.name) }]);
  return tar([{ name: 'manifest.json', data: manifest }, { name: 'config.json', data: config }, ...files]);
}
