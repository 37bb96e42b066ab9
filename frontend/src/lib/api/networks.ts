import type { Transport } from './transport';
import type * as t from './types';

/** The verbs on networks and on containers' places in them. */
export class Networks {
  constructor(private readonly transport: Transport) {}

  async list(signal?: AbortSignal) {
    const list = (await this.transport.call<t.Network[] | null>('Networks', [], signal)) ?? [];
    return list.map(fullNetwork);
  }
  async get(ref: string, signal?: AbortSignal) {
    const n = await this.transport.call<t.NetworkDetail>('Network', [ref], signal);
    const containers = (n.containers ?? []).map((c) => ({ ...c, aliases: c.aliases ?? [] }));
    return { ...fullNetwork(n), containers };
  }
  create = (spec: t.NetworkSpec) => this.transport.call<t.Network>('CreateNetwork', [spec]);
  remove = (ref: string, o: { force?: boolean } = {}) => this.transport.call<null>('RemoveNetwork', [ref, o]);
  async prune() {
    return (await this.transport.call<string[] | null>('PruneNetworks', [])) ?? [];
  }
  connect = (network: string, container: string, e: t.EndpointSpec) =>
    this.transport.call<null>('Connect', [network, container, e]);
  disconnect = (network: string, container: string) => this.transport.call<null>('Disconnect', [network, container]);
  publish = (ref: string, change: t.PortChange) => this.transport.call<t.Port[]>('Publish', [ref, change]);
  setOffline = (ref: string, offline: boolean) => this.transport.call<null>('SetOffline', [ref, offline]);
  async connections(ref: string, signal?: AbortSignal) {
    return (await this.transport.call<t.Connection[] | null>('Connections', [ref], signal)) ?? [];
  }
}

function fullNetwork<T extends t.Network>(n: T): T {
  return { ...n, labels: n.labels ?? {} };
}
