// What the pretended engine has.
const hex = (seed: string, n = 64) => Array.from({ length: n }, (_, i) => ((seed.charCodeAt(i % seed.length) * 7 + i * 13) % 16).toString(16)).join('');
const before = (minutes: number) => new Date(Date.now() - minutes * 60_000).toISOString();
const port = (hostPort: number, containerPort: number, hostIP = '') => ({ hostIP, hostPort, containerPort, protocol: 'tcp' });

function container(name: string, image: string, state: string, more: Record<string, unknown> = {}) {
  return {
    id: hex(name),
    name,
    image,
    imageID: `sha256:${hex(image)}`,
    command: ['/docker-entrypoint.sh', 'nginx', '-g', 'daemon off;'],
    created: before(180),
    state,
    started: before(95),
    finished: state === 'exited' ? before(12) : undefined,
    exitCode: 0,
    ports: [] as ReturnType<typeof port>[],
    labels: { 'org.opencontainers.image.title': name } as Record<string, string>,
    ip: state === 'running' ? '10.88.0.4' : undefined,
    pid: state === 'running' ? 48_213 : undefined,
    restarts: 0,
    ...more,
  };
}

export function containers(extra: number) {
  return [
    container('web', 'docker.io/library/nginx:1.27', 'running', { ports: [port(49_153, 80)] }),
    container('blog', 'docker.io/library/ghost:5-alpine', 'running', { ports: [port(2368, 2368), port(2369, 2369)] }),
    container('db', 'docker.io/library/postgres:17', 'running', { ports: [port(5432, 5432)] }),
    container('chatty', 'docker.io/library/busybox:latest', 'running'),
    container('quiet', 'quay.io/prometheus/node-exporter:v1.8.2', 'paused', { ports: [port(9100, 9100)] }),
    container('migrate', '127.0.0.1:5000/shop/migrations:2026-04-30', 'exited'),
    container('worker', '127.0.0.1:5000/shop/worker:2026-04-30', 'exited', { exitCode: 137, reason: 'ended by signal 9 (KILL)' }),
    container('refuses', 'docker.io/library/alpine:3.20', 'created', { started: undefined }),
    container('an-extraordinarily-long-container-name-that-somebody-chose-for-reasons-of-their-own', 'ghcr.io/some-organisation/some-very-long-repository-name/with-more-parts:v12.4.17-rc.2', 'exited', { exitCode: 1, reason: 'ended with exit code 1' }),
    ...Array.from({ length: extra }, (_, n) => container(`load-${n}`, 'docker.io/library/busybox:latest', n % 3 ? 'running' : 'exited')),
  ];
}

function image(name: string, size: number, used: string[], more: Record<string, unknown> = {}) {
  const config = {
    user: '',
    exposedPorts: ['80/tcp'],
    env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'NGINX_VERSION=1.27.3'],
    entrypoint: ['/docker-entrypoint.sh'],
    cmd: ['nginx', '-g', 'daemon off;'],
    volumes: name.includes('postgres') ? ['/var/lib/postgresql/data'] : [],
    workingDir: '',
    labels: { maintainer: 'NGINX Docker Maintainers <docker-maint@nginx.com>' },
    stopSignal: 'SIGQUIT',
  };
  const steps = [
    '/bin/sh -c #(nop) ADD file:b6c21e5f1c2a4ac2c in / ',
    'RUN /bin/sh -c set -x     && groupadd --system --gid 101 nginx     && useradd --system --gid nginx nginx     && apt-get update # buildkit',
    'COPY docker-entrypoint.sh / # buildkit',
    'COPY 10-listen-on-ipv6-by-default.sh /docker-entrypoint.d # buildkit',
  ];
  return {
    id: `sha256:${hex(name)}`,
    names: name ? [name] : [],
    digest: `sha256:${hex(`${name}m`)}`,
    repoDigests: name.startsWith('127') ? [] : [`${name.split(':')[0]}@sha256:${hex(`${name}m`)}`],
    created: before(60 * 24 * 9),
    size,
    downloadSize: Math.round(size / 2.6),
    platform: 'linux/amd64',
    labels: config.labels,
    containers: used.length,
    usedBy: used,
    origin: name ? `pulled from ${name.split('/')[0]}` : 'loaded from app.tar',
    config,
    layers: steps.map((createdBy, n) => ({ digest: `sha256:${hex(name + n)}`, diffID: `sha256:${hex(`${name}d${n}`)}`, size: size / (n * 9 + 2.6), unpacked: size / (n * 20 + 1), mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', createdBy })),
    history: steps.map((createdBy, n) => ({ created: before(60 * 24 * 9), createdBy, size: size / (n * 20 + 1), emptyLayer: n === 2, comment: n ? 'buildkit.dockerfile.v0' : '' })),
    ...more,
  };
}

export function images() {
  return [
    image('docker.io/library/nginx:1.27', 192_000_000, ['web']),
    image('docker.io/library/postgres:17', 438_000_000, ['db']),
    image('docker.io/library/ghost:5-alpine', 571_000_000, ['blog']),
    image('docker.io/library/busybox:latest', 4_270_000, ['chatty']),
    image('127.0.0.1:5000/shop/worker:2026-04-30', 88_000_000, ['worker', 'migrate']),
    image('ghcr.io/some-organisation/some-very-long-repository-name/with-more-parts:v12.4.17-rc.2', 1_250_000_000, []),
    image('', 8_000_000, []),
  ];
}

export const registries = [
  { host: 'docker.io', kind: 'hub', source: 'built in', search: true, insecure: false, blocked: false, mirrors: [] },
  { host: 'quay.io', kind: 'quay', source: '/etc/containers/registries.conf', search: true, insecure: false, blocked: false, mirrors: ['mirror.example.org'], user: 'ada' },
  { host: '127.0.0.1:5000', kind: 'catalogue', source: '~/.config/containers/registries.conf', search: true, insecure: true, blocked: false, mirrors: [] },
];

export function searchResults(term: string) {
  if (term.includes('zzz')) return registries.map((r) => ({ registry: r.host, results: [] }));
  const hub = ['', '-exporter', 'x', '-unprivileged', '-proxy', '-ui', '-tools', '-alpine'].map((suffix, n) => ({
    name: `docker.io/${n ? ['bitnami', 'grafana', 'library', 'someone'][n % 4] : 'library'}/${term}${suffix}`,
    description: n === 3 ? '' : `Official build of ${term}: what it does, told in a sentence that is somewhat longer than a narrow list can show at once.`,
    stars: Math.round(21_000 / (n * 9 + 1)),
    pulls: n ? `${50 - n * 6}M+` : '1B+',
    official: n === 0,
    verified: n === 1 || n === 2,
  }));
  return [
    { registry: 'docker.io', results: hub, more: true },
    { registry: '127.0.0.1:5000', results: [{ name: `127.0.0.1:5000/${term}`, description: '', stars: 0, official: false }] },
    { registry: 'quay.io', results: [], error: { kind: 'unavailable', msg: 'dial tcp: lookup quay.io: no such host', hint: 'Check the connection to the network.' } },
  ];
}

export const info = {
  version: '0.1.0', os: 'Debian GNU/Linux 12 (bookworm)', kernel: '6.1.0-31-amd64', architecture: 'amd64', cpus: 8, memory: 16_600_000_000,
  storeDir: '/home/ada/.local/share/davit', runtimeDir: '/run/user/1000/davit', containers: 9, running: 4, images: 7, userNS: 'full',
  limited: ['Memory and CPU limits: control groups are not delegated to you.'], cgroupVersion: 'v2', cgroupDelegated: false,
  runtime: 'libcontainer 1.5.2', network: 'gvisor-tap-vsock 0.8.9', security: ['seccomp', 'apparmor'], subnet: '10.88.0.0/24',
};

export const checks = [
  { id: 'userns', title: 'User namespaces', state: 'ok', found: 'A user namespace was made.', means: 'Containers can run without root.' },
  { id: 'subuid', title: 'Ranges of ids', state: 'failed', found: '/etc/subuid has no line for ada.', means: 'Only images that need one user id work.', fix: 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada', fixWhy: 'Gives you 65,536 ids for the users inside containers.' },
  { id: 'cgroups', title: 'Control groups', state: 'warning', found: 'The hybrid hierarchy; nothing is delegated to you.', means: 'Limits on memory and processors have no effect.', fix: 'sudo mkdir -p /etc/systemd/system/user@.service.d\nprintf "[Service]\\nDelegate=cpu cpuset io memory pids\\n" | sudo tee /etc/systemd/system/user@.service.d/delegate.conf\nsudo systemctl daemon-reload', fixWhy: 'Lets your own services set limits.' },
  { id: 'tun', title: 'Network device', state: 'ok', found: '/dev/net/tun opens.', means: 'Containers reach the network.' },
  { id: 'space', title: 'Free space', state: 'unknown', found: 'The file system tells nothing.', means: '' },
];
