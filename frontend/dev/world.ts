import { checks, containers, images, info, registries, searchResults } from './data.ts';

type Sink = (item: unknown) => void;
export type Handler = (args: any[], sink: Sink, ended: AbortSignal) => unknown;
export type Handlers = Record<string, Handler>;

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** The pretended engine's state. DAVIT_MOCK: "empty", "many", "broken". */
export class World {
  private containers = process.env.DAVIT_MOCK === 'empty' ? [] : containers(process.env.DAVIT_MOCK === 'many' ? 500 : 0);
  private images = process.env.DAVIT_MOCK === 'empty' ? [] : images();
  private operations: Record<string, any>[] = [];
  private listeners = new Set<Sink>();
  private cursor = 1;

  readonly handlers: Handlers = {
    Containers: () => this.hostOr(this.containers),
    Container: ([ref]) => this.detail(this.find(ref)),
    Create: ([spec]) => this.create(spec),
    Start: ([ref]) => this.move(ref, 'running', 500),
    Stop: ([ref]) => this.move(ref, 'exited', 1500),
    Restart: ([ref]) => this.move(ref, 'running', 1500),
    Kill: ([ref]) => this.move(ref, 'exited', 100, 137),
    Remove: ([ref]) => this.remove(ref),
    Logs: (args, sink, ended) => this.logs(args[0], sink, ended),
    Images: () => this.hostOr(this.images),
    Image: ([ref]) => this.image(ref),
    ResolveImage: ([ref]) => this.resolve(ref),
    Pull: ([spec]) => this.pull((spec as { ref: string }).ref),
    LoadSample: async () => (await sleep(400), this.images.push(...(this.images.length ? [] : images().slice(0, 1))), this.images[0]),
    Load: async () => (await sleep(800), { images: this.images.slice(0, 1) }),
    RemoveImage: ([ref]) => this.removeImage(ref),
    Registries: () => registries,
    Search: async ([q], sink) => {
      for (const page of searchResults((q as { term: string }).term)) await sleep(350), sink(page);
    },
    Tags: async ([repository]) => (await sleep(250), tagList(repository)),
    Login: () => null,
    Logout: () => null,
    Operations: () => this.operations,
    Operation: ([id]) => this.operations.find((o) => o.id === id),
    CancelOperation: ([id]) => this.cancel(id),
    Events: async (_args, sink, ended) => {
      sink({ cursor: this.cursor, time: new Date(), type: 'hello', action: '', id: '' });
      this.listeners.add(sink);
      await new Promise((resolve) => ended.addEventListener('abort', resolve));
      this.listeners.delete(sink);
    },
    Info: () => info,
    Doctor: async () => (await sleep(600), checks),
  };

  private hostOr<T>(value: T): T {
    if (process.env.DAVIT_MOCK !== 'broken') return value;
    throw { kind: 'host', msg: 'this computer does not let you make user namespaces', hint: 'Open Set-up to see what stands in the way and how to mend it.' };
  }

  private tell(type: string, action: string, id: string): void {
    const event = { cursor: ++this.cursor, time: new Date(), type, action, id };
    this.listeners.forEach((sink) => sink(event));
  }

  private find(ref: string): any {
    const found = this.containers.find((c) => c.id === ref || c.name === ref);
    if (!found) throw { kind: 'not-found', msg: `no such container: ${ref}` };
    return found;
  }

  private async move(ref: string, state: string, ms: number, code = 0): Promise<null> {
    const c = this.find(ref);
    await sleep(ms);
    if (c.name === 'refuses') {
      throw { kind: 'start', msg: 'exec /app/server: no such file or directory', hint: 'The image has no such program. Check the command.', exitCode: 127 };
    }
    c.state = state;
    c[state === 'running' ? 'started' : 'finished'] = new Date().toISOString();
    c.exitCode = code;
    this.tell('container', state === 'running' ? 'start' : 'die', c.id);
    return null;
  }

  private async create(spec: any) {
    await sleep(200);
    if (this.containers.some((c) => c.name === spec.name)) {
      throw { kind: 'conflict', msg: `the name ${spec.name} is taken by another container`, hint: 'Choose another name, or remove that container.' };
    }
    const ports = (spec.ports ?? [{ hostIP: '', hostPort: 0, containerPort: 80, protocol: 'tcp' }]).map((p: any) => ({ ...p, hostPort: p.hostPort || 49_160 }));
    const c = { ...containers(0)[0]!, id: Math.random().toString(16).slice(2).padEnd(64, '0'), name: spec.name || 'calm_heron', image: spec.image, state: 'created', created: new Date().toISOString(), ports };
    this.containers.unshift(c as never);
    this.tell('container', 'create', c.id);
    return { id: c.id, name: c.name, ports, warnings: [] };
  }

  private async remove(ref: string): Promise<null> {
    const c = this.find(ref);
    await sleep(150);
    this.containers = this.containers.filter((other) => other !== c);
    this.tell('container', 'destroy', c.id);
    return null;
  }

  private detail(c: any) {
    return {
      ...c,
      spec: { image: c.image, env: ['MODE=production'], mounts: [{ type: 'bind', source: '/home/ada/site', target: '/usr/share/nginx/html', readOnly: true }] },
      args: c.command,
      env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin', 'NGINX_VERSION=1.27.3', 'MODE=production'],
      workingDir: '/',
      user: '',
      network: 'default',
      gateway: '10.88.0.1',
      logPath: `/home/ada/.local/share/davit/containers/${c.id}/log`,
      logSize: 48_213,
      rootfs: `/home/ada/.local/share/davit/containers/${c.id}/rootfs`,
      oomKilled: false,
      confinement: ['seccomp', 'no-new-privileges', 'masked-paths', 'read-only-paths', 'apparmor:davit'],
    };
  }

  private async logs(ref: string, sink: Sink, ended: AbortSignal): Promise<undefined> {
    const c = this.find(ref);
    const many = c.name === 'chatty' ? 120_000 : c.name === 'quiet' ? 0 : 60;
    for (let n = 0; n < many; n++) sink(logLine(n, Date.now() - (many - n) * 250));
    for (let n = many; c.state === 'running' && many > 0 && !ended.aborted; n++) {
      await sleep(c.name === 'chatty' ? 10 : 900);
      sink(logLine(n, Date.now()));
    }
    if (many === 0 && c.state === 'running') await new Promise((resolve) => ended.addEventListener('abort', resolve));
    return undefined;
  }

  private image(ref: string) {
    const i = this.images.find((each) => each.id === ref || each.names.includes(ref));
    if (!i) throw { kind: 'not-found', msg: `no such image: ${ref}` };
    return i;
  }

  private resolve(ref: string) {
    if (!ref || /[A-Z\s]/.test(ref)) throw { kind: 'invalid', msg: `“${ref}” is no image name`, hint: 'Names are in lower case, without spaces.' };
    const host = /^[^/]*[.:][^/]*\//.test(ref) ? '' : ref.includes('/') ? 'docker.io/' : 'docker.io/library/';
    const name = /:[^/]+$|@/.test(ref) ? host + ref : `${host}${ref}:latest`;
    const local = this.images.find((i) => i.names.includes(name) || i.id === ref)?.id ?? '';
    return { ref, name, candidates: [name], local, why: 'docker.io is the default' };
  }

  private async pull(ref: string) {
    const { name } = this.resolve(ref);
    const layers = [28_000_000, 41_000_000, 1100, 900, 12_400];
    const steps = layers.map((total, n) => ({ id: `sha256:${n}`, title: `a3f1c09d77${n}${n}`, state: n === 2 ? 'exists' : 'waiting', done: 0, total }));
    const operation: any = { id: `op${this.operations.length}`, kind: 'pull', title: `Pull ${name}`, subject: name, state: 'running', started: new Date(), done: 0, total: layers.reduce((a, b) => a + b), steps };
    this.operations.unshift(operation);
    this.tell('operation', 'start', operation.id);
    void this.progress(operation);
    return operation;
  }

  private async progress(o: any): Promise<void> {
    while (o.state === 'running') {
      await sleep(120);
      for (const s of o.steps.filter((s: any) => s.state !== 'done' && s.state !== 'exists').slice(0, 2)) {
        s.done = Math.min(s.total, s.done + 1_400_000);
        s.state = s.done < s.total ? 'downloading' : 'done';
      }
      o.done = o.steps.reduce((sum: number, s: any) => sum + (s.state === 'exists' ? s.total : s.done), 0);
      if (o.subject.includes('missing')) {
        Object.assign(o, { state: 'failed', error: { kind: 'denied', msg: `docker.io says that ${o.subject} does not exist or needs you to sign in`, hint: 'Check the name, or sign in under Preferences.' } });
      } else if (o.done >= o.total) {
        Object.assign(o, { state: 'done', imageID: this.images[1]!.id, image: o.subject });
        this.images = [{ ...this.images[1]!, id: `sha256:${'9'.repeat(60)}${1000 + this.operations.length}`, names: [o.subject] }, ...this.images] as never;
        o.imageID = this.images[0]!.id;
      } else continue;
      o.ended = new Date();
      this.tell('operation', 'end', o.id);
      this.tell('image', 'pull', o.imageID ?? '');
    }
  }

  private cancel(id: string): null {
    const o = this.operations.find((each) => each.id === id)!;
    Object.assign(o, { state: 'cancelled', ended: new Date() });
    this.tell('operation', 'end', id);
    return null;
  }

  private async removeImage(ref: string) {
    const i = this.image(ref);
    await sleep(300);
    if (i.containers > 0) {
      throw { kind: 'conflict', msg: `${i.names[0]} is used by ${i.usedBy.join(', ')}`, hint: 'Remove that container first.' };
    }
    this.images = this.images.filter((other) => other !== i);
    this.tell('image', 'delete', i.id);
    return { untagged: i.names, deleted: [i.id], freed: i.size };
  }
}

function tagList(repository: string) {
  const names = ['latest', 'alpine', '1.27', '1.27-alpine', 'stable', ...Array.from({ length: 60 }, (_, n) => `1.${26 - Math.floor(n / 4)}.${n % 4}`)];
  const tags = names.map((name, n) => ({ name, size: 72_000_000 - n * 400_000, updated: new Date(Date.now() - n * 5e8) }));
  return { repository, tags, more: true };
}

function logLine(n: number, at: number) {
  const lines = [
    `172.17.0.1 - - "GET /index.html HTTP/1.1" 200 ${615 + n} "-" "Mozilla/5.0 (X11; Linux x86_64)"`,
    '\x1b[32mINFO\x1b[0m  \x1b[2mserver::http\x1b[0m listening on \x1b[1;36m0.0.0.0:80\x1b[0m',
    '\x1b[33mWARN\x1b[0m  cache is cold, the first answers take longer',
    '\x1b[1;31mERROR\x1b[0m upstream timed out (110: Connection timed out) while reading response header from upstream',
    `{"level":"info","n":${n},"msg":"request served","path":"/api/v1/items?page=2&sort=created","ms":12.4,"user":"ada"}`,
    '<script>alert(1)</script> \u202egnp.exe 日本語のログ行 – text stays text',
  ];
  return { time: new Date(at).toISOString().replace('Z', '000001Z'), stream: n % 6 === 3 ? 'stderr' : 'stdout', text: lines[n % 6]! };
}
