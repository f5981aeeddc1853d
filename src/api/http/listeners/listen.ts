import { chmod, chown, mkdir, readFile, rm, stat } from 'node:fs/promises';
import type { Server } from 'node:http';
import { Server as SecureServer } from 'node:https';
import { connect, type ListenOptions } from 'node:net';
import { dirname } from 'node:path';
import { FairleadError, messageOf } from '../../../lib/errors.ts';
import { formatHostAddress, type HostAddress, isLoopback } from '../../../lib/host-address.ts';
import { requireOwnFolder } from '../../../lib/own-folder.ts';

/** How long a socket file's daemon may take to accept before it counts as dead. */
const answerMs = 1000;

/**
 * Makes the server listen; resolves with the address; port 0 becomes the real port.
 * @throws conflict when another daemon answers there, invalid for tcp off loopback, internal when it cannot listen
 */
export async function listenOn(server: Server, address: HostAddress): Promise<HostAddress> {
  if (address.kind === 'unix') return listenOnSocket(server, address);
  refuseOpenTcp(address, server instanceof SecureServer);
  await bind(server, address, { host: address.host, port: address.port });
  const bound = server.address();
  return { ...address, port: typeof bound === 'object' && bound ? bound.port : address.port };
}

/** A client of the API can run programs on this host: without client certificates the API stays on loopback. */
export function refuseOpenTcp(address: HostAddress & { kind: 'tcp' }, isSecure: boolean): void {
  const text = formatHostAddress(address);
  if (isSecure) return;
  if (address.tls) {
    throw new FairleadError('invalid', `${text}: TLS needs --tlscacert, --tlscert and --tlskey`);
  }
  if (isLoopback(address.host)) return;
  throw new FairleadError(
    'invalid',
    `refusing to listen on ${text} without TLS: expected a loopback address or a unix socket`,
  );
}

async function listenOnSocket(server: Server, address: HostAddress & { kind: 'unix' }): Promise<HostAddress> {
  const { path, ownFolder } = address;
  if (ownFolder !== undefined) requireOwnFolder(ownFolder);
  await makeFolder(dirname(path));
  if (ownFolder !== undefined) requireOwnFolder(ownFolder);
  await removeStale(address);
  await bindSocket(server, address);
  await chmod(path, 0o660);
  await giveToGroup(path);
  return address;
}

/**
 * Until chmod(2) a socket has what the umask left, which may be everything: nobody else may connect in between. Node binds
 * before `listen` returns, so nothing of ours is made under this umask but the socket.
 */
async function bindSocket(server: Server, address: HostAddress & { kind: 'unix' }): Promise<void> {
  const umask = process.umask(0o077);
  const bound = bind(server, address, { path: address.path });
  process.umask(umask);
  await bound;
}

function cannotListen(address: HostAddress, error: unknown): FairleadError {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  const kind = code === 'EADDRINUSE' ? 'conflict' : 'internal';
  return new FairleadError(kind, `cannot listen on ${formatHostAddress(address)}: ${messageOf(error)}`, {
    cause: error,
  });
}

async function makeFolder(path: string): Promise<void> {
  try {
    const made = await mkdir(path, { recursive: true, mode: 0o700 });
    if (made !== undefined) await chmod(path, 0o700);
  } catch (error) {
    throw new FairleadError('internal', `cannot make ${path} for the socket: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** A daemon that was killed leaves its socket file; one that lives answers on it. */
async function removeStale(address: HostAddress & { kind: 'unix' }): Promise<void> {
  const { path } = address;
  const file = await stat(path).catch(() => undefined);
  if (!file) return;
  if (!file.isSocket()) throw new FairleadError('invalid', `${path} exists and is not a socket`);
  if (await answers(path)) {
    throw new FairleadError('conflict', `another daemon answers on ${formatHostAddress(address)}`);
  }
  await rm(path, { force: true });
}

async function answers(path: string): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(path);
    const done = (answer: boolean) => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(answerMs, () => done(true));
    // A file that we may not even connect to belongs to somebody who does.
    socket.on('error', (error) => done('code' in error && error.code === 'EACCES'));
    socket.on('connect', () => done(true));
  });
}

async function bind(server: Server, address: HostAddress, options: ListenOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error) => reject(cannotListen(address, error));
    server.once('error', failed);
    server.listen(options, () => {
      server.off('error', failed);
      resolve();
    });
  });
}

/** As dockerd: members of the group `docker` may use the socket. */
async function giveToGroup(path: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const groups = await readFile('/etc/group', 'utf8').catch(() => '');
  const gid = /^docker:[^:]*:(\d+):/m.exec(groups)?.[1];
  if (gid !== undefined) await chown(path, 0, Number(gid));
}
