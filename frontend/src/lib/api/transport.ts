import { ApiError, SignedOut } from './errors';
import { lineBatches } from './ndjson';
import type { ErrorBody } from './types';

/** How the front reaches the back; the only place that knows fetch and paths. */
export interface Transport {
  call<T>(method: string, args: unknown[], signal?: AbortSignal): Promise<T>;
  /** Ends when the stream does; sink gets what arrived together, in order. What it promises is waited for. */
  stream<T>(method: string, args: unknown[], sink: Sink<T>, signal?: AbortSignal): Promise<void>;
  upload<T>(method: string, body: Blob, progress: (sent: number) => void, signal?: AbortSignal, args?: unknown[]): Promise<T>;
  /** The bytes that a method writes. */
  download(method: string, args: unknown[], signal?: AbortSignal): Promise<Blob>;
  /** The first bytes, at most limit, and whether there are more. */
  peek(method: string, args: unknown[], limit: number, signal?: AbortSignal): Promise<Peeked>;
}

export interface Peeked {
  bytes: Uint8Array;
  more: boolean;
}

export type Sink<T> = (items: T[]) => void | Promise<void>;

interface Frame<T> {
  item?: T;
  end?: boolean;
  error?: ErrorBody;
}

export class FetchTransport implements Transport {
  /** Called when the server no longer knows this browser. */
  onSignedOut: () => void = () => {};

  async call<T>(method: string, args: unknown[], signal?: AbortSignal): Promise<T> {
    const response = await this.post(method, args, signal);
    return (await response.json()) as T;
  }

  async stream<T>(method: string, args: unknown[], sink: Sink<T>, signal?: AbortSignal): Promise<void> {
    const response = await this.post(method, args, signal);
    if (!response.body) throw new TypeError(`${method}: no body`);
    for await (const lines of lineBatches(response.body)) {
      const end = await deliver(lines, sink);
      if (end?.error) throw new ApiError(end.error);
      if (end) return;
    }
    throw new ApiError({ kind: 'unavailable', msg: `${method}: the stream broke off` });
  }

  // XMLHttpRequest because fetch tells nothing about how much was sent.
  upload<T>(method: string, body: Blob, progress: (sent: number) => void, signal?: AbortSignal, args?: unknown[]): Promise<T> {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open('POST', `/v1/${method}`);
      request.setRequestHeader('Content-Type', 'application/octet-stream');
      if (args) request.setRequestHeader('Davit-Args', base64(JSON.stringify(args)));
      request.upload.onprogress = (e) => progress(e.loaded);
      request.onerror = () => reject(new TypeError(`${method}: the connection broke off`));
      request.onabort = () => reject(new DOMException('cancelled', 'AbortError'));
      request.onload = () => {
        if (request.status === 200) resolve(JSON.parse(request.responseText) as T);
        else reject(this.failure(method, request.status, request.responseText));
      };
      signal?.addEventListener('abort', () => request.abort());
      request.send(body);
    });
  }

  async download(method: string, args: unknown[], signal?: AbortSignal): Promise<Blob> {
    return (await this.post(method, args, signal)).blob();
  }

  async peek(method: string, args: unknown[], limit: number, signal?: AbortSignal): Promise<Peeked> {
    const response = await this.post(method, args, signal);
    return response.body ? firstBytes(response.body, limit) : { bytes: new Uint8Array(), more: false };
  }

  private async post(method: string, args: unknown[], signal?: AbortSignal): Promise<Response> {
    const response = await fetch(`/v1/${method}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(args),
      cache: 'no-store',
      signal,
    });
    if (!response.ok) throw this.failure(method, response.status, await response.text());
    return response;
  }

  private failure(method: string, status: number, text: string): Error {
    if (status === 401) {
      this.onSignedOut();
      return new SignedOut();
    }
    return new ApiError(errorBody(text) ?? { kind: 'internal', msg: `${method}: the server answered ${status}` });
  }
}

/** Reads limit bytes and lets the rest be: what is large is never held as a whole. */
async function firstBytes(body: ReadableStream<Uint8Array>, limit: number): Promise<Peeked> {
  const reader = body.getReader();
  const bytes = new Uint8Array(limit);
  let at = 0;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { bytes: bytes.subarray(0, at), more: false };
      const part = value.subarray(0, limit - at);
      bytes.set(part, at);
      at += part.length;
      if (part.length < value.length) return { bytes, more: true };
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

async function deliver<T>(lines: string[], sink: Sink<T>): Promise<Frame<T> | undefined> {
  const items: T[] = [];
  let end: Frame<T> | undefined;
  for (const line of lines) {
    if (line === '') continue;
    const frame = JSON.parse(line) as Frame<T>;
    if (frame.end || frame.error) {
      end = frame;
      break;
    }
    if (frame.item !== undefined) items.push(frame.item);
  }
  if (items.length > 0) await sink(items);
  return end;
}

function errorBody(text: string): ErrorBody | undefined {
  try {
    return (JSON.parse(text) as { error?: ErrorBody }).error;
  } catch {
    return undefined;
  }
}
