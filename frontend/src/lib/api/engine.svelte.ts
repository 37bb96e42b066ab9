import type { Client } from './client';
import { Feed } from './feed.svelte';
import { Live } from './live.svelte';
import type { Networks } from './networks';
import type { Container, Image, Network, Operation, Secret, Volume } from './types';
import type { Volumes } from './volumes';

// Progress is asked for, not streamed: one more stream for each pull would use
// up the six connections that a browser has for one host.
const progressEvery = 200;

/** Everything the pages watch, in one place. */
export class Engine {
  readonly feed: Feed;
  readonly containers: Live<Container>;
  readonly images: Live<Image>;
  readonly operations: Live<Operation>;
  readonly volumes: Live<Volume>;
  readonly networks: Live<Network>;
  readonly secrets: Live<Secret>;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly client: Client,
    volumes: Volumes,
    networks: Networks,
  ) {
    this.feed = new Feed(client);
    this.containers = new Live(() => client.containers({ all: true }), (c) => c.id);
    this.images = new Live(() => client.images({}), (i) => i.id);
    this.operations = new Live(() => client.operations(), (o) => o.id);
    this.volumes = new Live(() => volumes.list({}), (v) => v.name);
    this.networks = new Live(() => networks.list(), (n) => n.id);
    this.secrets = new Live(() => volumes.secrets(), (s) => s.id);
  }

  start(): void {
    const { feed } = this;
    feed.on('hello', () => this.refresh());
    feed.on('container', () => {
      void this.containers.refresh();
      void this.images.refresh(); // counts its containers
      this.again(this.volumes, this.networks, this.secrets); // they name theirs
    });
    feed.on('volume', () => this.again(this.volumes));
    feed.on('secret', () => this.again(this.secrets));
    feed.on('network', () => this.again(this.networks, this.containers));
    feed.on('image', () => void this.images.refresh());
    feed.on('operation', () => void this.watchOperations());
    this.refresh(); // at once: the first picture does not wait for events
    void feed.run();
  }

  refresh(): void {
    void this.containers.refresh();
    void this.images.refresh();
    void this.watchOperations();
    this.again(this.volumes, this.networks, this.secrets);
  }

  /** Lists that nobody looked at yet are not asked for. */
  private again(...lists: { phase: string; refresh: () => Promise<void> }[]): void {
    for (const list of lists) if (list.phase !== 'loading') void list.refresh();
  }

  /** Follows operations as long as one runs. */
  async watchOperations(): Promise<void> {
    clearTimeout(this.timer);
    await this.operations.refresh();
    clearTimeout(this.timer);
    if (this.operations.items.some((o) => o.state === 'running' || o.state === 'waiting')) {
      this.timer = setTimeout(() => void this.watchOperations(), progressEvery);
    }
  }

  /** Waits until an operation ended and tells how. */
  async operationEnd(id: string, signal?: AbortSignal): Promise<Operation> {
    for (;;) {
      const operation = await this.client.operation(id);
      if (!['waiting', 'running', 'paused'].includes(operation.state)) return operation;
      await new Promise((resolve) => setTimeout(resolve, progressEvery));
      signal?.throwIfAborted();
    }
  }
}
