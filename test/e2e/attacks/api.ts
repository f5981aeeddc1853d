import { spawn } from 'node:child_process';
import { chmod, chown, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Ran, runToEnd, TestDaemon } from '../../rig/daemon.ts';
import { TestHost } from '../../rig/namespace.ts';
import { RawClient } from '../../rig/raw-http.ts';
import { freePorts } from '../../rig/server.ts';
import { attackGroup, type Outcome } from './attack.ts';

const bin = fileURLToPath(new URL('../../../dist/bin', import.meta.url));
/** Users that nobody is: the attacker, and whom it wants something of. */
const [attacker, victim] = [61_001, 61_002];

interface Stage extends AsyncDisposable {
  /** In the simulated mode, on a port of loopback. */
  readonly daemon: TestDaemon;
  readonly port: number;
  /** The same, told with --api-name that evil.example is a name of it. */
  readonly misled: TestDaemon;
  readonly misledPort: number;
  /** Started with umask 000, in the sandbox mode, with one container that runs. */
  readonly unmasked: TestDaemon;
  readonly container: string;
  /** Where everybody may make folders, as in /tmp. */
  readonly shared: string;
}

async function open(): Promise<Stage> {
  const shared = await mkdtemp(join(tmpdir(), 'flt-squat-'));
  await chmod(shared, 0o1777);
  const [port = 0, misledPort = 0] = await freePorts(2);
  const simulated = ['--dataplane', 'simulated', '--dns-listen', 'none'];
  const listening = (on: number, ...more: string[]) =>
    TestDaemon.start({ flags: [...simulated, '-H', `tcp://127.0.0.1:${on}`, ...more] });
  const daemon = await listening(port);
  const misled = await listening(misledPort, '--api-name', 'evil.example');
  const host = await TestHost.create();
  // As the daemon makes it, so that the way to the sockets in it is open as far as it leaves it open.
  const dataRoot = join(shared, 'root');
  const unmasked = await TestDaemon.start({
    enter: ['nsenter', `--net=${host.path}`, '/bin/sh', '-c', 'umask 0000; exec "$@"', 'sh'],
    dataRoot,
    flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
  });
  const container = await unmasked.ok('run', '-d', 'x', 'sleep', '600');
  const stage = { daemon, port, misled, misledPort, unmasked, container, shared };
  return {
    ...stage,
    async [Symbol.asyncDispose]() {
      await unmasked[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      await misled[Symbol.asyncDispose]();
      await daemon[Symbol.asyncDispose]();
      await rm(shared, { recursive: true, force: true });
    },
  };
}

let made = 0;

interface Page {
  readonly path?: string;
  readonly headers: readonly string[];
  readonly body?: string;
}

/** Has a page's browser make a container (or network), and looks whether it is there. */
async function fromPage(where: string | number, daemon: TestDaemon, page: Page): Promise<Outcome> {
  made += 1;
  const name = `pwned${made}`;
  const { path = `/containers/create?name=${name}`, headers, body = '{"Image":"x"}' } = page;
  const sent = body.replace('NAME', name);
  const client = await RawClient.connect(where);
  const lines = [`POST ${path} HTTP/1.1`, ...headers, `Content-Length: ${sent.length}`, 'Connection: close'];
  client.send(`${lines.join('\r\n')}\r\n\r\n${sent}`);
  await client.ended;
  client.destroy();
  const found = `${await daemon.ok('ps', '-a', '--format', '{{.Names}}')}\n${await daemon.ok('network', 'ls')}`;
  return { succeeded: found.includes(name), seen: client.text.split('\r\n')[0] ?? '' };
}

const socketOf = ({ host }: TestDaemon) => host.slice('unix://'.length);
const json = 'Content-Type: application/json';

/** The client as the victim, whose session gave it no folder of its own. */
function asVictim({ shared }: Stage, ...words: readonly string[]): Promise<Ran> {
  const env = { PATH: process.env.PATH, HOME: shared, TMPDIR: shared };
  const enter = ['setpriv', `--reuid=${victim}`, `--regid=${victim}`, '--clear-groups'];
  return runToEnd([...enter, process.execPath, ...words], env);
}

/** A socket of the attacker's where the victim's daemon would have its own. */
async function squat({ shared }: Stage): Promise<{ server: Server; heard: () => number }> {
  const folder = join(shared, `fairlead-${victim}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { mode: 0o755 });
  let heard = 0;
  const server = createServer((socket) => {
    heard += 1;
    socket.end('HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n[]');
  });
  await new Promise<void>((resolve) => server.listen(join(folder, 'fairlead.sock'), resolve));
  await chmod(join(folder, 'fairlead.sock'), 0o777);
  await chown(folder, attacker, attacker);
  return { server, heard: () => heard };
}

async function clientIsFooled(stage: Stage, ...flags: readonly string[]): Promise<Outcome> {
  const { server, heard } = await squat(stage);
  const { stderr } = await asVictim(stage, join(bin, 'fairlead'), ...flags, 'network', 'ls');
  server.close();
  return { succeeded: heard() > 0, seen: stderr.trim() };
}

/** Whether another user's program can connect. */
async function connects(path: string): Promise<Outcome> {
  const script = `require('net').connect(process.argv[1]).on('connect', () => process.exit(0)).on('error', (e) => { console.log(e.code); process.exit(1) })`;
  const child = spawn(process.execPath, ['-e', script, path], { uid: attacker, gid: attacker, cwd: '/' });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  return { succeeded: code === 0, seen: output.trim() };
}

async function openSocket(stage: Stage): Promise<Outcome> {
  const path = join(stage.shared, 'open.sock');
  const umask = process.umask(0);
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(path, resolve));
  process.umask(umask);
  const outcome = await connects(path);
  server.close();
  return outcome;
}

const evilHost = 'trusted:192.0.2.1\n192.0.2.66 bank.example';

/** What a container's /etc/hosts would be asked for a name that nobody gave it. */
async function injects(daemon: TestDaemon): Promise<Outcome> {
  const body = { Image: 'x', Cmd: ['sleep', '600'], HostConfig: { ExtraHosts: [evilHost] } };
  const { status, text } = await daemon.call('POST', '/containers/create?name=injected', body);
  if (status !== 201) return { succeeded: false, seen: `${status} ${text.trim()}` };
  await daemon.ok('start', 'injected');
  const { stdout } = await daemon.run('fairlead', 'exec', 'injected', 'getent', 'hosts', 'bank.example');
  return { succeeded: stdout.includes('192.0.2.66'), seen: stdout };
}

/** The file as it was written: the name and the address turned round, and a line each. */
function writtenAsItStood(): Outcome {
  const colon = evilHost.indexOf(':');
  const file = `127.0.0.1\tlocalhost\n${evilHost.slice(colon + 1)}\t${evilHost.slice(0, colon)}\n`;
  return { succeeded: /^192\.0\.2\.66 bank\.example/m.test(file), seen: file };
}

export const apiAttacks = attackGroup<Stage>('the API', open, [
  {
    name: 'a page whose name was rebound to 127.0.0.1 creates a container',
    attempt: ({ port, daemon }) =>
      fromPage(port, daemon, {
        headers: [`Host: evil.example:${port}`, `Origin: http://evil.example:${port}`, json],
      }),
    control: ({ misledPort: port, misled }) =>
      fromPage(port, misled, {
        headers: [`Host: evil.example:${port}`, `Origin: http://evil.example:${port}`, json],
      }),
  },
  {
    name: 'a page of another origin posts JSON to localhost',
    attempt: ({ port, daemon }) =>
      fromPage(port, daemon, { headers: [`Host: 127.0.0.1:${port}`, 'Origin: http://evil.example', json] }),
    control: ({ daemon }) =>
      fromPage(socketOf(daemon), daemon, {
        headers: ['Host: 127.0.0.1', 'Origin: http://evil.example', json],
      }),
  },
  {
    name: 'a form posts a network of 2015 as text/plain, by a browser that sends no Origin',
    attempt: ({ port, daemon }) =>
      fromPage(port, daemon, {
        path: '/v1.20/networks',
        headers: [`Host: localhost:${port}`, 'Content-Type: text/plain'],
        body: '{"name":"NAME","network_type":"bridge"}',
      }),
    control: ({ daemon }) =>
      fromPage(socketOf(daemon), daemon, {
        path: '/v1.20/networks',
        headers: ['Host: localhost', 'Content-Type: text/plain'],
        body: '{"name":"NAME","network_type":"bridge"}',
      }),
  },
  {
    name: 'a line break in ExtraHosts gives a container a name that is not its own',
    attempt: ({ unmasked }) => injects(unmasked),
    control: async () => writtenAsItStood(),
  },
  {
    name: "another user's socket in /tmp/fairlead-UID gets the client's calls",
    attempt: (stage) => clientIsFooled(stage),
    control: (stage) =>
      clientIsFooled(stage, '-H', `unix://${join(stage.shared, `fairlead-${victim}`, 'fairlead.sock')}`),
  },
  {
    name: "a daemon puts its socket into another user's /tmp/fairlead-UID",
    async attempt(stage) {
      const { server } = await squat(stage);
      server.close();
      const flags = [
        '--dataplane',
        'simulated',
        '--dns-listen',
        'none',
        '--data-root',
        join(stage.shared, 'v'),
      ];
      const { code, stdout, stderr } = await asVictim(stage, join(bin, 'fairlead'), 'daemon', ...flags);
      // Any other end would prove nothing.
      return {
        succeeded: code === 0 || !stderr.includes('is not to be trusted'),
        seen: stdout + stderr.trim(),
      };
    },
    async control(stage) {
      await chmod(stage.shared, 0o1777);
      const folder = join(stage.shared, `fairlead-${victim}`);
      await rm(folder, { recursive: true, force: true });
      await mkdir(folder, { mode: 0o777 });
      await chmod(folder, 0o777);
      await chown(folder, attacker, attacker);
      const socket = join(folder, 'fairlead.sock');
      const script = `require('net').createServer().listen(process.argv[1], () => process.exit(0))`;
      const { code } = await asVictim(stage, '-e', script, socket);
      return { succeeded: code === 0, seen: `${code}` };
    },
  },
  {
    name: "another user connects to a container's shim, of a daemon started with umask 000",
    attempt: ({ unmasked, container }) =>
      connects(join(unmasked.dataRoot, 'containers', container, 'shim.sock')),
    control: openSocket,
  },
  {
    name: "another user connects to the daemon's socket, with umask 000",
    attempt: ({ unmasked }) => connects(socketOf(unmasked)),
    control: openSocket,
  },
]);
