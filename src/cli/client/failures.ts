import { readFileSync, statSync } from 'node:fs';
import { formatHostAddress } from '../../lib/host-address.ts';
import { DaemonError, Failure } from '../failure.ts';
import type { Endpoint } from './endpoint.ts';
import { tlsProblemOf } from './tls-problem.ts';

/** What dockerode rejects with: an HTTP answer, or the socket's error. */
interface CallError {
  readonly statusCode?: number;
  /** The parsed body, or its bytes where it is not JSON (the routes of 2015). */
  readonly json?: unknown;
  readonly code?: string;
  readonly message?: string;
}

/** Turns whatever a call threw into the one line that the user reads. */
export function toFailure(error: unknown, { address, tls }: Endpoint): Failure {
  if (error instanceof Failure) return error;
  const { statusCode, json, code, message }: CallError = isObject(error) ? error : {};
  if (statusCode !== undefined)
    return new DaemonError(statusCode, reasonOf(json) || reasonIn(message) || `HTTP status ${statusCode}`);
  const where = formatHostAddress(address);
  const tlsProblem = tlsProblemOf(code, message, tls !== undefined);
  if (address.kind === 'tcp' && tlsProblem)
    return new Failure(`cannot talk to ${where}: ${tlsProblem}`, 1, { cause: error });
  if (code === 'EACCES' && address.kind === 'unix') return new Failure(deniedText(address.path));
  if (code && unreachable.has(code)) {
    return new Failure(
      `Cannot connect to the Fairlead daemon at ${where}. Is the daemon running? Start it with: fairlead daemon`,
    );
  }
  return new Failure(`error during connect to ${where}: ${message ?? String(error)}`, 1, { cause: error });
}

interface Issue {
  readonly message: string;
  readonly path: readonly PropertyKey[];
  /** The type that should have been there. */
  readonly expected?: string;
}

/** For an answer that is not what the API has: of another daemon, or of a version too far away. */
export function unexpectedAnswer(issues: readonly Issue[], { address }: Endpoint): Failure {
  const [{ message, path, expected } = { message: 'unknown', path: [] }] = issues;
  const at = path.length > 0 ? ` at ${path.map(String).join('.')}` : '';
  const what = expected === undefined ? message : `no ${expected}`;
  const where = formatHostAddress(address);
  return new Failure(
    `unexpected answer from the daemon at ${where}: ${what}${at}. Is it Fairlead, and of this version?`,
  );
}

const unreachable = new Set([
  'ENOENT',
  'ECONNREFUSED',
  'ENOTSOCK',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ETIMEDOUT',
]);

function reasonOf(body: unknown): string {
  if (Buffer.isBuffer(body)) return body.toString().trim();
  if (typeof body === 'string') return body.trim();
  return isObject(body) && typeof body.message === 'string' ? body.message.trim() : '';
}

/** dockerode keeps the body of a stream's error only in its own message. */
function reasonIn(message = ''): string {
  return /^\(HTTP code \d+\) .*? - (.*)$/s.exec(message)?.[1]?.trim() ?? '';
}

function isObject(value: unknown): value is Record<string, unknown> & CallError {
  return typeof value === 'object' && value !== null;
}

function deniedText(path: string): string {
  const group = groupOf(path);
  const who = group ? `it belongs to the group ${group}: become a member or use sudo` : 'use sudo';
  return `permission denied while trying to connect to the Fairlead daemon at unix://${path}: ${who}`;
}

/** The name (or number) of the group that may use the socket; undefined where even that is hidden. */
function groupOf(path: string): string | undefined {
  try {
    const { gid } = statSync(path);
    const lines = readFileSync('/etc/group', 'utf8').split('\n');
    return lines.find((line) => line.split(':')[2] === String(gid))?.split(':')[0] ?? String(gid);
  } catch {
    return undefined;
  }
}
