import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Repository {
  name: string;
  description?: string;
  stars?: number;
  official?: boolean;
}

/** A registry with docker's first search, made up: it can be slow, refuse, and tells who went away. */
export class PlayedRegistry {
  repositories: Repository[] = [];
  /** The next answers of the search are this status, with Retry-After. */
  refusals: { status: number; retryAfter?: number }[] = [];
  /** Terms that were asked for, and those whose asker went away before the answer. */
  readonly asked: string[] = [];
  readonly left: string[] = [];
  private gate: Promise<void> = Promise.resolve();
  private opened: () => void = () => {};
  private readonly server = createServer((req, res) => void this.serve(req, res));

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    return this;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** Searches and manifests wait from now on. */
  hold(): void {
    this.gate = new Promise((resolve) => (this.opened = resolve));
  }

  /** They are answered again, those that wait too. */
  release(): void {
    this.opened();
    this.gate = Promise.resolve();
  }

  stop(): void {
    this.release();
    this.server.close().closeAllConnections();
  }

  private async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', `http://${this.host}`);
    if (url.pathname === '/v2/') return json(res, 200, {});
    const tags = /^\/v2\/(.+)\/tags\/list$/.exec(url.pathname);
    if (tags) return json(res, 200, { name: tags[1], tags: ['latest', '1.0'] });
    if (url.pathname.includes('/manifests/')) await this.gate;
    if (url.pathname !== '/v1/search') return json(res, 404, { errors: [{ code: 'NOT_FOUND', message: 'no such page' }] });
    const term = url.searchParams.get('q') ?? '';
    this.asked.push(term);
    res.on('close', () => res.writableFinished || this.left.push(term));
    await this.gate;
    const refusal = this.refusals.shift();
    if (refusal) {
      if (refusal.retryAfter) res.setHeader('Retry-After', String(refusal.retryAfter));
      return json(res, refusal.status, { errors: [{ code: 'TOOMANYREQUESTS', message: 'too many requests' }] });
    }
    const found = this.repositories.filter((r) => r.name.includes(term));
    const results = found.map((r) => ({ name: r.name, description: r.description ?? '', star_count: r.stars ?? 0, is_official: r.official ?? false }));
    json(res, 200, { num_results: results.length, results });
  }
}

function json(res: ServerResponse, status: number, body: unknown): void {
  res.setHeader('Content-Type', 'application/json');
  res.statusCode = status;
  res.end(JSON.stringify(body));
}
