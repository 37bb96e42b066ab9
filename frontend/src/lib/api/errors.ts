import type { ErrorBody, Kind } from './types';

/** What went wrong, for people: message says what and why, hint what to do next. */
export class ApiError extends Error {
  readonly kind: Kind;
  readonly hint: string;
  readonly ref: string;
  readonly exitCode: number;
  /** Seconds that a registry wants us to wait; 0: it did not say. */
  readonly retryAfter: number;
  /** What in a spec it is about: "ports[0].hostPort". */
  readonly field: string;

  constructor(body: ErrorBody) {
    super(body.msg);
    this.name = 'ApiError';
    this.kind = body.kind;
    this.hint = body.hint ?? '';
    this.ref = body.ref ?? '';
    this.exitCode = body.exitCode ?? 0;
    this.retryAfter = body.retryAfter ?? 0;
    this.field = body.field ?? '';
  }
}

/** The session is over: the browser has no cookie that this server knows. */
export class SignedOut extends Error {
  constructor() {
    super('signed out');
    this.name = 'SignedOut';
  }
}

/** Any thrown value as an ApiError; a failed fetch is "unavailable". */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  if (isAbort(thrown)) return new ApiError({ kind: 'cancelled', msg: 'cancelled' });
  const msg = thrown instanceof Error ? thrown.message : String(thrown);
  const kind = thrown instanceof TypeError ? 'unavailable' : 'internal';
  return new ApiError({ kind, msg });
}

export function isAbort(thrown: unknown): boolean {
  return thrown instanceof DOMException && thrown.name === 'AbortError';
}
