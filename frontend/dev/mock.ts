// A pretended engine for working on the pages: `npm run dev` shows them without
// containers. Not part of the build; the tests run against the real thing.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Plugin } from 'vite';
import { World, type Handlers } from './world.ts';

export function mock(): Plugin {
  const world = new World();
  const serve = (req: IncomingMessage, res: ServerResponse, next: () => void) => {
    if (req.url === '/auth') return void res.end('null');
    const method = /^\/v1\/(\w+)$/.exec(req.url ?? '')?.[1];
    if (!method) return next();
    void answer(world, method, req, res);
  };
  return {
    name: 'davit-mock',
    configureServer: (server) => void server.middlewares.use(serve),
    configurePreviewServer: (server) => void server.middlewares.use(serve),
  };
}

async function answer(world: World, method: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  const args = method === 'Load' ? [] : (JSON.parse(Buffer.concat(chunks).toString() || '[]') as unknown[]);
  const ended = new AbortController();
  res.on('close', () => ended.abort());
  try {
    const handler = world.handlers[method as keyof Handlers];
    if (!handler) throw { kind: 'internal', msg: `the mock has no ${method}` };
    const result = await handler(args, (item) => void res.write(`${JSON.stringify({ item })}\n`), ended.signal);
    if (result === undefined) res.end('{"end":true}\n');
    else res.setHeader('Content-Type', 'application/json').end(JSON.stringify(result));
  } catch (error) {
    if (!res.headersSent) res.statusCode = 409;
    res.end(`${JSON.stringify({ error })}\n`);
  }
}
