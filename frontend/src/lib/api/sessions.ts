import type { Transport } from './transport';
import type { AttachOptions, ErrorBody, ExecSpec, Exit } from './types';

// Terminal sessions as wire.Page holds them for this page.

export interface SessionSpec {
  container: string;
  title?: string;
  exec?: ExecSpec;
  attach?: AttachOptions;
}

export interface HeldSession {
  id: string;
  container: string;
  title: string;
  started: string;
  at: number;
  ended: boolean;
  exit?: Exit;
}

export interface SessionOutput {
  at: number;
  data?: string; // base64
  lost?: boolean;
  exit?: Exit;
  error?: ErrorBody;
}

/** Input is sent in pieces of at most this many bytes. */
const pieceLimit = 256 << 10;

export class Sessions {
  constructor(private readonly transport: Transport) {}

  open = (spec: SessionSpec) => this.transport.call<HeldSession>('OpenSession', [spec]);
  list = async (signal?: AbortSignal) => (await this.transport.call<HeldSession[] | null>('HeldSessions', [], signal)) ?? [];
  /** Gives output from a position on until the session ends; waits for sink before it reads on. */
  join = (id: string, from: number, sink: (out: SessionOutput[]) => Promise<void>, signal: AbortSignal) =>
    this.transport.stream<SessionOutput>('JoinSession', [id, from], sink, signal);
  resize = (id: string, rows: number, cols: number) => this.transport.call<null>('ResizeSession', [id, rows, cols]);
  signal = (id: string, name: string) => this.transport.call<null>('SignalSession', [id, name]);
  close = (id: string) => this.transport.call<null>('CloseSession', [id]);

  /** A writer whose pieces arrive in order: what is typed while one is under way goes with the next. */
  input(id: string, failed: (thrown: unknown) => void): (bytes: Uint8Array) => void {
    let queue: Uint8Array[] = [];
    let busy = false;
    const send = async () => {
      busy = true;
      try {
        while (queue.length > 0) {
          const [piece, rest] = take(queue, pieceLimit);
          queue = rest;
          await this.transport.call<null>('SendInput', [id, encode(piece)]);
        }
      } catch (thrown) {
        queue = [];
        failed(thrown);
      }
      busy = false;
    };
    return (bytes) => {
      queue.push(bytes);
      if (!busy) void send();
    };
  }
}

/** The first bytes of a queue, and what is left of it. */
function take(queue: Uint8Array[], limit: number): [Uint8Array, Uint8Array[]] {
  const all = new Uint8Array(queue.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of queue) {
    all.set(part, at);
    at += part.length;
  }
  return all.length <= limit ? [all, []] : [all.subarray(0, limit), [all.subarray(limit)]];
}

function encode(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

export function decode(base64: string): Uint8Array {
  const text = atob(base64);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}
