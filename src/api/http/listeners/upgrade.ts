import { type IncomingMessage, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { FairleadError, messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import { errorBody } from '../error-body.ts';
import { answerFor, isBug } from '../error-map.ts';
import type { Failures } from '../failures.ts';
import { type ApiVersion, apiVersion, splitVersion, urlProblem, versionProblem } from '../version.ts';

/** A call that turns its connection into a plain two-way stream (`Connection: Upgrade`). */
export interface UpgradeRoute {
  /** On the path without version prefix; the group `ref` names the object. */
  readonly pattern: RegExp;
  /** Before the 101 is sent: whatever it throws is an ordinary answer. */
  open(call: UpgradeCall): Promise<Upgraded>;
}

export interface UpgradeRoutes {
  readonly routes: readonly UpgradeRoute[];
  /** The newest API that a client may speak. */
  readonly newest: () => string;
}

export interface UpgradeCall {
  readonly ref: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly contentType: string;
  readonly version: ApiVersion;
}

export interface Upgraded {
  readonly contentType: string;
  /** Owns the connection from here on, also where the client has left already. */
  run(connection: Duplex): Promise<void>;
}

/** Bytes; the bodies of these calls are a few flags. */
const maxBody = 1024 * 1024;
/** How long a client may take for a body that it announced. */
const bodyMs = 10_000;

const lingerMs = 5_000;

interface UpgradeDeps {
  readonly log: Logger;
  readonly failures: Failures;
}

export type UpgradeHandler = (request: IncomingMessage, connection: Duplex, head: Buffer) => void;

/** Node hands a connection over with its request's body unread, so the little HTTP that is left is done here. */
export function createUpgradeHandler(
  routes: UpgradeRoutes,
  headers: () => Readonly<Record<string, string>>,
  { log, failures }: UpgradeDeps,
): UpgradeHandler {
  return (request, connection, head) => {
    const call = `${request.method} ${request.url}`;
    const note = (status: number, error: unknown) => failures.note(status, call, error);
    connection.on('error', () => connection.destroy());
    connection.pause();
    if (head.length > 0) connection.unshift(head);
    void serve(routes, headers(), request, connection, note).catch((error: unknown) => {
      if (isBug(error)) note(500, error);
      else log.debug({ err: error, url: request.url }, `upgraded connection: ${messageOf(error)}`);
      connection.destroy();
    });
  };
}

async function serve(
  routes: UpgradeRoutes,
  headers: Readonly<Record<string, string>>,
  request: IncomingMessage,
  connection: Duplex,
  note: (status: number, error: unknown) => void,
): Promise<void> {
  let upgraded: Upgraded;
  try {
    upgraded = await open(routes, request, connection);
  } catch (error) {
    const { status } = answerFor(error, 'engine');
    if (status >= 500 && !connection.destroyed) note(status, error);
    refuseUpgrade(request, connection, headers, error);
    return;
  }
  // Clients look for exactly this reason phrase (docker-facts 6.4).
  const upgrade = { Connection: 'Upgrade', Upgrade: request.headers.upgrade ?? 'tcp' };
  writeHead(connection, '101 UPGRADED', { 'Content-Type': upgraded.contentType, ...upgrade, ...headers });
  await upgraded.run(connection);
  lingerAndClose(connection);
}

/** A client that never closes its side must not hold the connection; one that still sends must not be reset. */
function lingerAndClose(connection: Duplex): void {
  connection.end();
  connection.resume();
  const timer = setTimeout(() => connection.destroy(), lingerMs);
  connection.once('close', () => clearTimeout(timer));
}

async function open(
  { routes, newest }: UpgradeRoutes,
  request: IncomingMessage,
  connection: Duplex,
): Promise<Upgraded> {
  const { version, path } = splitVersion(request.url ?? '/');
  const problem = urlProblem(request.url ?? '') ?? (version && versionProblem(version, 'engine', newest()));
  if (problem) throw new FairleadError('invalid', problem);
  const question = `${path}?`.indexOf('?');
  const pathname = path.slice(0, question);
  const searchParams = new URLSearchParams(path.slice(question + 1));
  for (const route of routes) {
    const match = request.method === 'POST' ? route.pattern.exec(pathname) : null;
    if (!match) continue;
    return route.open({
      ref: decodePart(match.groups?.ref ?? '', pathname),
      query: searchParams,
      body: await readBody(request, connection),
      contentType: request.headers['content-type'] ?? '',
      version: version ?? splitVersion(`/v${apiVersion}`).version ?? [1, 0],
    });
  }
  throw new FairleadError(
    'unsupported',
    `${request.method} ${pathname} with upgrade to ${request.headers.upgrade} is not supported by Fairlead`,
  );
}

function decodePart(text: string, path: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw new FairleadError('invalid', `malformed path: ${path}`, { cause: error });
  }
}

/** Reads exactly the announced bytes; what follows them is the process's input and stays in the connection. */
async function readBody(request: IncomingMessage, connection: Duplex): Promise<string> {
  if (request.headers['transfer-encoding'] !== undefined) {
    throw new FairleadError('invalid', 'a call with an upgrade needs a Content-Length');
  }
  const length = Number(request.headers['content-length'] ?? 0);
  if (length > maxBody) throw new FairleadError('invalid', 'request body too large');
  const deadline = setTimeout(() => connection.destroy(new Error('the body did not come')), bodyMs);
  try {
    return (await readExactly(connection, length)).toString('utf8');
  } finally {
    clearTimeout(deadline);
  }
}

async function readExactly(connection: Duplex, length: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  let missing = length;
  while (missing > 0) {
    const part: unknown = connection.read(Math.min(missing, connection.readableLength || missing));
    if (Buffer.isBuffer(part)) {
      parts.push(part);
      missing -= part.length;
    } else {
      await moreInput(connection);
    }
  }
  return Buffer.concat(parts);
}

async function moreInput(connection: Duplex): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const gone = () => done(() => reject(new Error('the client left')));
    const readable = () => done(resolve);
    function done(then: () => void): void {
      connection.off('readable', readable).off('close', gone).off('end', gone);
      then();
    }
    connection.once('readable', readable).once('close', gone).once('end', gone);
    if (connection.destroyed || connection.readableEnded) gone();
  });
}

/** Answers instead of handing the connection over, and closes it. */
export function refuseUpgrade(
  request: IncomingMessage,
  connection: Duplex,
  headers: Readonly<Record<string, string>>,
  error: unknown,
): void {
  connection.on('error', () => connection.destroy());
  if (connection.destroyed) return;
  const { status, message } = answerFor(error, 'engine');
  const body = errorBody(request.url ?? '/', message, 'engine');
  writeHead(connection, `${status} ${STATUS_CODES[status] ?? 'Error'}`, {
    ...headers,
    ...body.headers,
    'content-length': String(Buffer.byteLength(body.text)),
    Connection: 'close',
  });
  connection.write(body.text);
  lingerAndClose(connection);
}

function writeHead(connection: Duplex, status: string, headers: Readonly<Record<string, string>>): void {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  connection.write(`HTTP/1.1 ${status}\r\n${lines.join('')}\r\n`);
}
