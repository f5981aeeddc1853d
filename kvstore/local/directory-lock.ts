import { randomBytes } from 'node:crypto';
import { readdir, rename, rm } from 'node:fs/promises';
import { connect, createServer, type Server } from 'node:net';
import { FairleadError } from '../../src/lib/errors.ts';

/**
 * One process at a time may have a directory. The holder listens on a Unix socket in it, so the kernel
 * itself says whether it lives: a connection succeeds, or is refused once the process is gone, however it
 * went. Unlike a pid in a file this cannot be fooled by a reused pid, a reboot or a pid namespace, and
 * unlike flock(2) Node can do it.
 *
 * Each comer has a socket of its own and then looks at the others'; who finds a living one steps back.
 * Whichever of two looks last sees the other, so both can never stay.
 */
export interface DirectoryLock {
  release(): Promise<void>;
}

const namePattern = /^lock\.(\d+)\.[0-9a-f]+$/;
/** Bytes in sockaddr_un.sun_path on macOS, the smallest, less the final NUL; libuv cuts a longer one off. */
const maxSocketPath = 103;
/** Two comers at once may both step back; they try again at different times. */
const tries = 10;

/** @throws conflict, naming the process that has it; the system's own error when the directory cannot be written */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  for (let attempt = 1; ; attempt++) {
    const mine = await listenIn(directory);
    const holder = await livingOther(directory, mine.name);
    if (holder === undefined) return mine;
    await mine.release();
    if (attempt === tries || holder === process.pid) throw inUse(directory, holder);
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 50));
  }
}

async function listenIn(directory: string): Promise<DirectoryLock & { readonly name: string }> {
  const name = `lock.${process.pid}.${randomBytes(4).toString('hex')}`;
  const path = `${directory}/${name}`;
  if (Buffer.byteLength(path) + '.new'.length > maxSocketPath) {
    const limit = maxSocketPath - '/lock.1234567.12345678.new'.length;
    throw new FairleadError('invalid', `the path of data root ${directory} is longer than ${limit} bytes`);
  }
  const server = await listen(`${path}.new`);
  // Only a socket that already listens gets its name: one that refuses under that name is of a dead process.
  await rename(`${path}.new`, path);
  const release = async () => {
    await rm(path, { force: true });
    await new Promise((resolve) => server.close(resolve));
  };
  return { name, release };
}

function listen(path: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.once('error', reject);
    server.listen(path, () => resolve(server));
    server.unref();
  });
}

/** The pid of another living holder or comer; what the dead have left is removed. */
async function livingOther(directory: string, own: string): Promise<number | undefined> {
  for (const name of await readdir(directory)) {
    const pid = namePattern.exec(name)?.[1];
    if (pid === undefined || name === own) continue;
    if (await isListening(`${directory}/${name}`)) return Number(pid);
    await rm(`${directory}/${name}`, { force: true });
  }
  return undefined;
}

function isListening(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path, () => {
      socket.destroy();
      resolve(true);
    });
    // Anything but these two (a full backlog, no permission) means that somebody is there.
    socket.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code !== 'ECONNREFUSED' && error.code !== 'ENOENT');
    });
  });
}

function inUse(directory: string, pid: number): FairleadError {
  return new FairleadError('conflict', `data root ${directory} is in use by process ${pid}`);
}
