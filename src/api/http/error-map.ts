import { type ErrorKind, kindOf, messageOf } from '../../lib/errors.ts';

/** The experimental API of 2015 knew no 409: a taken name was 403 (docker-facts 2.1). */
export type Dialect = 'engine' | 'experimental';

/** The one place where a kind of failure becomes an HTTP status; docs/errors.md lists it, held true by a test. */
export const statusOf: Readonly<Record<ErrorKind, Readonly<Record<Dialect, number>>>> = {
  invalid: { engine: 400, experimental: 400 },
  forbidden: { engine: 403, experimental: 403 },
  'not-found': { engine: 404, experimental: 404 },
  conflict: { engine: 409, experimental: 403 },
  // The Engine answers 404 when its address pools are used up (docker-facts 5.3 #34).
  exhausted: { engine: 404, experimental: 404 },
  limited: { engine: 429, experimental: 429 },
  unavailable: { engine: 503, experimental: 503 },
  unsupported: { engine: 501, experimental: 501 },
  internal: { engine: 500, experimental: 500 },
};

export interface ErrorAnswer {
  readonly status: number;
  /** One line. */
  readonly message: string;
}

/** Every error outside the catalogue is a 500; an error of the HTTP framework keeps its own 4xx. */
export function answerFor(error: unknown, dialect: Dialect): ErrorAnswer {
  const message = isBug(error) ? "internal error; the daemon's log has the details" : messageOf(error);
  return { status: statusFor(error, dialect), message: oneLine(message) };
}

/** A mistake in the program itself: its message tells a client nothing, its stack belongs in the log. */
export function isBug(error: unknown): boolean {
  if (isRefusedRequest(error)) return false;
  return [TypeError, RangeError, ReferenceError, SyntaxError].some((kind) => error instanceof kind);
}

function statusFor(error: unknown, dialect: Dialect): number {
  return isRefusedRequest(error) ? error.statusCode : statusOf[kindOf(error)][dialect];
}

/** Fastify's own refusals (body too large, bad header) carry a code `FST_…` and a status. */
function isRefusedRequest(error: unknown): error is Error & { readonly statusCode: number } {
  if (!(error instanceof Error) || !('statusCode' in error) || !('code' in error)) return false;
  const { statusCode, code } = error;
  const ours = typeof code === 'string' && code.startsWith('FST_');
  return ours && typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500;
}

function oneLine(text: string): string {
  return text.replace(/\s*\r?\n\s*/g, ' ') || 'unknown error';
}
