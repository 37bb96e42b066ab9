import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import type { Davit } from './davit.ts';
import { tar } from './tar.ts';

export const box = 'box:latest';

/** Gives a Davit an image with a shell: the host's static busybox, and a few files. */
export async function importBox(davit: Davit): Promise<void> {
  const busybox = '/bin/busybox';
  const names = execFileSync(busybox, ['--list'], { encoding: 'utf8' }).split('\n').filter(Boolean);
  const passwd = 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/srv:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n';
  const path = davit.path('box.tar');
  writeFileSync(
    path,
    tar([
      { name: 'bin/busybox', data: readFileSync(busybox), mode: 0o755 },
      ...names.filter((n) => n !== 'busybox').map((n) => ({ name: `bin/${n}`, data: '', mode: 0o777, link: 'busybox' })),
      { name: 'etc/passwd', data: passwd },
      { name: 'etc/group', data: 'root:x:0:\napp:x:1000:\n' },
      { name: 'srv/motd.txt', data: 'hello from the image\n' },
      { name: 'srv/old.txt', data: 'to be deleted\n' },
    ]),
  );
  await davit.cli('import', path, box);
}
