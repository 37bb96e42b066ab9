import type { Transport } from './transport';
import type * as t from './types';

/** The verbs of api.Service, typed. Go's null slices and maps become empty ones. */
export class Client {
  private readonly slow = new Gate(3);

  constructor(private readonly transport: Transport) {}

  async containers(f: t.ContainerFilter, signal?: AbortSignal) {
    const list = await this.transport.call<t.Container[] | null>('Containers', [f], signal);
    return (list ?? []).map(fullContainer);
  }
  async container(ref: string, signal?: AbortSignal) {
    const c = await this.transport.call<t.ContainerDetail>('Container', [ref], signal);
    return {
      ...fullContainer(c),
      args: c.args ?? [],
      env: c.env ?? [],
      confinement: c.confinement ?? [],
      mounts: c.mounts ?? c.spec.mounts ?? [],
      attachments: (c.attachments ?? []).map((a) => ({ ...a, aliases: a.aliases ?? [] })),
    };
  }
  async create(spec: t.RunSpec) {
    const made = await this.transport.call<t.Created>('Create', [spec]);
    return { ...made, ports: made.ports ?? [], warnings: made.warnings ?? [] };
  }
  // These last until the container did it. A browser has six connections for
  // one host: more than three of these would starve lists and logs.
  start = (ref: string) => this.slow.run(() => this.transport.call<null>('Start', [ref]));
  stop = (ref: string, o: t.StopOptions = {}) => this.slow.run(() => this.transport.call<null>('Stop', [ref, o]));
  restart = (ref: string, o: t.StopOptions = {}) => this.slow.run(() => this.transport.call<null>('Restart', [ref, o]));
  remove = (ref: string, o: { force?: boolean } = {}) =>
    this.slow.run(() => this.transport.call<null>('Remove', [ref, o]));
  kill = (ref: string, signal: string) => this.transport.call<null>('Kill', [ref, signal]);
  pause = (ref: string) => this.transport.call<null>('Pause', [ref]);
  unpause = (ref: string) => this.transport.call<null>('Unpause', [ref]);
  rename = (ref: string, name: string) => this.transport.call<null>('Rename', [ref, name]);
  update = (ref: string, u: t.Update) => this.transport.call<null>('Update', [ref, u]);
  checkHealth = (ref: string) => this.transport.call<t.HealthResult>('CheckHealth', [ref]);
  top = async (ref: string, signal?: AbortSignal) => (await this.transport.call<t.Process[] | null>('Top', [ref], signal)) ?? [];
  signalProcess = (ref: string, pid: number, signal: string) => this.transport.call<null>('SignalProcess', [ref, pid, signal]);
  statsHistory = async (ref: string, since: string, signal?: AbortSignal) =>
    (await this.transport.call<t.Stats[] | null>('StatsHistory', [ref, since], signal)) ?? [];
  pastEvents = async (q: t.EventQuery, signal?: AbortSignal) =>
    (await this.transport.call<t.Event[] | null>('PastEvents', [q], signal)) ?? [];
  stats = (q: t.StatsQuery, sink: (rounds: t.StatsRound[]) => void, signal: AbortSignal) =>
    this.transport.stream<t.StatsRound>('Stats', [q], sink, signal);
  logs = (ref: string, q: t.LogQuery, sink: (lines: t.LogLine[]) => void, signal: AbortSignal) =>
    this.transport.stream<t.LogLine>('Logs', [ref, q], sink, signal);

  async images(f: t.ImageFilter, signal?: AbortSignal) {
    const list = await this.transport.call<t.Image[] | null>('Images', [f], signal);
    return (list ?? []).map(fullImage);
  }
  async image(ref: string, signal?: AbortSignal): Promise<t.ImageDetail> {
    return fullImageDetail(await this.transport.call<t.ImageDetail>('Image', [ref], signal));
  }
  async resolveImage(ref: string, signal?: AbortSignal) {
    const r = await this.transport.call<t.ResolvedRef>('ResolveImage', [ref], signal);
    return { ...r, candidates: r.candidates ?? [] };
  }
  pull = async (spec: t.PullSpec) => fullOperation(await this.transport.call<t.Operation>('Pull', [spec]));
  load = (file: Blob, progress: (sent: number) => void, signal?: AbortSignal) =>
    this.transport.upload<t.LoadResult>('Load', file, progress, signal);
  loadPath = (path: string) => this.transport.call<t.LoadResult>('LoadPath', [path]);
  loadSample = () => this.transport.call<t.Image>('LoadSample', []);
  removeImage = (ref: string, o: { force?: boolean } = {}) =>
    this.transport.call<t.RemovedImage>('RemoveImage', [ref, o]);

  async registries(signal?: AbortSignal) {
    return (await this.transport.call<t.Registry[] | null>('Registries', [], signal)) ?? [];
  }
  search = (q: t.SearchQuery, sink: (pages: t.SearchPage[]) => void, signal: AbortSignal) =>
    this.transport.stream<t.SearchPage>(
      'Search',
      [q],
      (pages) => sink(pages.map((p) => ({ ...p, results: p.results ?? [] }))),
      signal,
    );
  async tags(repository: string, signal?: AbortSignal) {
    const list = await this.transport.call<t.TagList>('Tags', [repository, {}], signal);
    return { ...list, tags: list.tags ?? [] };
  }
  login = (l: t.Login) => this.transport.call<null>('Login', [l]);
  logout = (registry: string) => this.transport.call<null>('Logout', [registry]);

  async networks(signal?: AbortSignal) {
    return (await this.transport.call<t.Network[] | null>('Networks', [], signal)) ?? [];
  }
  async network(ref: string, signal?: AbortSignal) {
    const n = await this.transport.call<t.NetworkDetail>('Network', [ref], signal);
    return { ...n, containers: n.containers ?? [] };
  }
  createNetwork = (spec: t.NetworkSpec) => this.transport.call<t.Network>('CreateNetwork', [spec]);
  removeNetwork = (ref: string, o: { force?: boolean } = {}) =>
    this.transport.call<null>('RemoveNetwork', [ref, o]);
  pruneNetworks = async () => (await this.transport.call<string[] | null>('PruneNetworks', [])) ?? [];
  connect = (network: string, container: string, e: t.EndpointSpec = {}) =>
    this.slow.run(() => this.transport.call<null>('Connect', [network, container, e]));
  disconnect = (network: string, container: string) =>
    this.slow.run(() => this.transport.call<null>('Disconnect', [network, container]));
  publish = async (ref: string, change: t.PortChange) =>
    (await this.transport.call<t.Port[] | null>('Publish', [ref, change])) ?? [];
  setOffline = (ref: string, offline: boolean) => this.transport.call<null>('SetOffline', [ref, offline]);
  async connections(ref: string, signal?: AbortSignal) {
    return (await this.transport.call<t.Connection[] | null>('Connections', [ref], signal)) ?? [];
  }

  async operations(signal?: AbortSignal) {
    return ((await this.transport.call<t.Operation[] | null>('Operations', [], signal)) ?? []).map(fullOperation);
  }
  async operation(id: string) {
    return fullOperation(await this.transport.call<t.Operation>('Operation', [id]));
  }
  cancelOperation = (id: string) => this.transport.call<null>('CancelOperation', [id]);

  events = (cursor: number, sink: (events: t.Event[]) => void, signal: AbortSignal) =>
    this.transport.stream<t.Event>('Events', [cursor], sink, signal);
  async info(signal?: AbortSignal) {
    const i = await this.transport.call<t.Info>('Info', [], signal);
    return { ...i, limited: i.limited ?? [], security: i.security ?? [] };
  }
  async doctor(signal?: AbortSignal) {
    return (await this.transport.call<t.Check[] | null>('Doctor', [], signal)) ?? [];
  }

  async mend(request: t.MendRequest): Promise<void> {
    await this.transport.call('Mend', [request]);
  }
}

/** Lets n run at a time; the others wait their turn. */
class Gate {
  private waiting: (() => void)[] = [];
  constructor(private free: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((turn) => this.waiting.push(turn));
    try {
      return await work();
    } finally {
      const next = this.waiting.shift();
      if (next) next();
      else this.free++;
    }
  }
}

function fullContainer<T extends t.Container>(c: T): T {
  return { ...c, command: c.command ?? [], ports: c.ports ?? [], labels: c.labels ?? {}, networks: c.networks ?? [] };
}

export function fullImage<T extends t.Image>(i: T): T {
  return { ...i, names: i.names ?? [], repoDigests: i.repoDigests ?? [], labels: i.labels ?? {} };
}

export function fullImageDetail(i: t.ImageDetail): t.ImageDetail {
  return {
    ...fullImage(i),
    config: fullConfig(i.config),
    layers: i.layers ?? [],
    history: i.history ?? [],
    usedBy: i.usedBy ?? [],
  };
}

export function fullOperation(o: t.Operation): t.Operation {
  return { ...o, steps: o.steps ?? [] };
}

function fullConfig(c: t.ImageConfig): t.ImageConfig {
  return {
    ...c,
    exposedPorts: c.exposedPorts ?? [],
    env: c.env ?? [],
    entrypoint: c.entrypoint ?? [],
    cmd: c.cmd ?? [],
    volumes: c.volumes ?? [],
    labels: c.labels ?? {},
  };
}
