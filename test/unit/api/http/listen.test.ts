import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { chmod, chown, mkdir, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, get } from 'node:http';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listenOn } from '../../../../src/api/http/listeners/listen.ts';
import { openDocker } from '../../../../src/cli/client/open.ts';
import { formatHostAddress, parseHostAddress } from '../../../../src/lib/host-address.ts';
import { createTestApi } from '../../../rig/api.ts';

const messageOf = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'it listens',
    (error: Error) => error.message,
  );

async function statusOf(
  options: { readonly socketPath: string } | { readonly port: number },
): Promise<number> {
  return await new Promise((resolve, reject) => {
    get({ ...options, host: '127.0.0.1', path: '/_ping' }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    }).on('error', reject);
  });
}

/** A socket file whose process was killed, as a crashed daemon leaves it. */
async function staleSocket(path: string): Promise<void> {
  const script = `require('net').createServer().listen(process.argv[1], () => console.log('up'))`;
  const child: ChildProcess = spawn(process.execPath, ['-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (child.stdout) await once(child.stdout, 'data');
  child.kill('SIGKILL');
  await once(child, 'exit');
}

describe('listen', () => {
  it('makes a unix socket of mode 0660, and says who answers when it is taken', async () => {
    await using api = await createTestApi();
    await using other = await createTestApi();
    await api.listen();
    const { mode } = await stat(api.socketPath);
    expect((mode & 0o777).toString(8)).toBe('660');
    expect(await statusOf({ socketPath: api.socketPath })).toBe(200);
    expect(await messageOf(other.api.listen({ kind: 'unix', path: api.socketPath }))).toBe(
      `another daemon answers on unix://${api.socketPath}`,
    );
    expect(await statusOf({ socketPath: api.socketPath })).toBe(200);
  });

  it('replaces the socket of a daemon that was killed', async () => {
    await using api = await createTestApi();
    await staleSocket(api.socketPath);
    expect((await stat(api.socketPath)).isSocket()).toBe(true);
    await api.listen();
    expect(await statusOf({ socketPath: api.socketPath })).toBe(200);
  });

  it('does not touch a file that is no socket', async () => {
    await using api = await createTestApi();
    await writeFile(api.socketPath, 'mine');
    expect(await messageOf(api.listen())).toBe(`${api.socketPath} exists and is not a socket`);
  });

  it('listens on loopback, on several addresses at once', async () => {
    await using api = await createTestApi();
    await api.listen();
    const bound = await api.api.listen({ kind: 'tcp', host: '127.0.0.1', port: 0, tls: false });
    expect(formatHostAddress(bound)).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect(bound.kind === 'tcp' && (await statusOf({ port: bound.port }))).toBe(200);
    expect(await messageOf(api.api.listen(bound))).toMatch(
      /^cannot listen on tcp:\/\/127\.0\.0\.1:\d+: .*EADDRINUSE/,
    );
  });

  it.each(['tcp://0.0.0.0:2375', 'tcp://10.0.0.1:2375', 'tcp://127.evil.example:2375', 'tcp://[::]:2375'])(
    'refuses %s without TLS',
    async (text) => {
      await using api = await createTestApi();
      expect(await messageOf(api.api.listen(parseHostAddress(text)))).toBe(
        `refusing to listen on ${text} without TLS: expected a loopback address or a unix socket`,
      );
    },
  );
});

describe('the folder of the socket, where everybody may make folders', () => {
  it.each<readonly [string, (path: string) => Promise<unknown>, string]>([
    ['a link', (path) => symlink('/tmp', path), 'it is a symbolic link'],
    ['a file', (path) => writeFile(path, ''), 'it is not a folder'],
    ['open to others', (path) => mkdir(path).then(() => chmod(path, 0o755)), 'its mode is 0755, not 0700'],
    [
      'of another user',
      (path) => mkdir(path, { mode: 0o700 }).then(() => chown(path, 61_001, 61_001)),
      'it belongs to user 61001, not to 0',
    ],
  ])('is refused where it is %s, by daemon and client', async (_, make, problem) => {
    await using api = await createTestApi();
    const ownFolder = join(dirname(api.socketPath), 'fairlead-0');
    await make(ownFolder);
    const address = { kind: 'unix', path: join(ownFolder, 'fairlead.sock'), ownFolder } as const;
    const message = `${ownFolder} is not to be trusted: ${problem}; remove it, or name another socket with -H unix:///PATH`;
    expect(await messageOf(api.api.listen(address))).toBe(message);
    expect(await messageOf(openDocker({ address }))).toBe(message);
  });

  it('is made by the daemon, of mode 0700 whatever the umask', async () => {
    await using api = await createTestApi();
    const ownFolder = join(dirname(api.socketPath), 'fairlead-0');
    const address = { kind: 'unix', path: join(ownFolder, 'fairlead.sock'), ownFolder } as const;
    const umask = process.umask(0);
    await api.api.listen(address).finally(() => process.umask(umask));
    expect(((await stat(ownFolder)).mode & 0o777).toString(8)).toBe('700');
    await openDocker({ address });
  });
});

describe('between bind and chmod', () => {
  it.each([0, 0o022])('nobody else can connect, with umask %i', async (wanted) => {
    await using api = await createTestApi();
    const server = createServer();
    let mode = 0o777;
    server.once('listening', () => {
      mode = statSync(api.socketPath).mode & 0o777;
    });
    const umask = process.umask(wanted);
    await listenOn(server, { kind: 'unix', path: api.socketPath }).finally(() => process.umask(umask));
    expect(mode.toString(8)).toBe('700');
    expect(process.umask()).toBe(umask);
    await new Promise((resolve) => server.close(resolve));
  });
});
