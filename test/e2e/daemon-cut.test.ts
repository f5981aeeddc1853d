import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { Random } from '../rig/random.ts';
import { until } from '../rig/until.ts';

const program = fileURLToPath(new URL('../../dist/bin/fairlead', import.meta.url));
const starts = 50;
const seed = 20_250_611;

/** A start in a host of its own, which ends at the first signal. */
function start(host: TestHost, dataRoot: string, flags: readonly string[] = []) {
  const own = ['daemon', '--data-root', dataRoot, '-H', `unix://${dataRoot}/run/fairlead.sock`];
  const words = ['--dataplane', 'linux', '--dns-listen', 'none', ...flags];
  const child = spawn('nsenter', [`--net=${host.path}`, process.execPath, program, ...own, ...words], {
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  return { child, ended: once(child, 'close'), output: () => output };
}

function isReady(output: string): boolean {
  return /^ready on /m.test(output);
}

async function forwards(host: TestHost): Promise<string> {
  return await host.run('cat', '/proc/sys/net/ipv4/ip_forward', '/proc/sys/net/ipv6/conf/all/forwarding');
}

/** All that a daemon may have of the machine. */
async function leftovers(host: TestHost, dataRoot: string) {
  return {
    devices: await host.linkNames(),
    rules: await host.run('nft', 'list', 'ruleset'),
    processes: (await runToEnd(['ip', 'netns', 'pids', host.name])).stdout.trim(),
    forwards: await forwards(host),
    files: existsSync(join(dataRoot, 'run')) ? await readdir(join(dataRoot, 'run')) : [],
  };
}

const nothing = { devices: [], rules: '', processes: '', forwards: '0\n0\n', files: [] };

async function cutOnce(afterMs: number, flags: readonly string[]): Promise<boolean> {
  await using host = await TestHost.create();
  const dataRoot = await mkdtemp(join(tmpdir(), 'flt-cut-'));
  try {
    for (const file of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
      await host.run('sh', '-c', `echo 0 > /proc/sys/net/${file}`);
    const { child, ended, output } = start(host, dataRoot, flags);
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    const wasReady = isReady(output());
    child.kill('SIGTERM');
    const [code, signal] = await ended;
    // Before it has heard of signals it has nothing either.
    const end = signal === 'SIGTERM' ? 0 : code;
    expect([end, output()]).toEqual([0, expect.not.stringMatching(/"level":[56]0|^ {4}at |cannot start/m)]);
    const id = host.name;
    await until(
      `nothing is left of ${id}, cut after ${afterMs} ms`,
      () => leftovers(host, dataRoot),
      (seen) => JSON.stringify(seen) === JSON.stringify(nothing),
      2_000,
    );
    return !wasReady;
  } finally {
    await rm(dataRoot, { recursive: true, force: true });
  }
}

/** How long a start takes on this machine at this time. */
async function timeOfStart(): Promise<number> {
  await using host = await TestHost.create();
  const dataRoot = await mkdtemp(join(tmpdir(), 'flt-cut-'));
  const begun = performance.now();
  const { child, ended, output } = start(host, dataRoot);
  await until('it is ready', output, isReady, 30_000);
  const took = performance.now() - begun;
  child.kill('SIGTERM');
  await ended;
  await rm(dataRoot, { recursive: true, force: true });
  return took;
}

const probes = async () => (await readdir('/run/netns')).filter((name) => name.startsWith('flprobe-'));

it(`of ${starts} starts that SIGTERM cuts nothing is left`, { timeout: 180_000 }, async () => {
  const before = new Set(await probes());
  const took = await timeOfStart();
  const random = new Random(seed);
  const moments = Array.from({ length: starts }, () => random.next() * took * 1.3);
  const away = ['--kv-store', 'etcd:127.0.0.1:1'];
  let cut = 0;
  const work = moments.entries();
  const worker = async () => {
    for (const [i, afterMs] of work) if (await cutOnce(afterMs, i % 5 === 0 ? away : [])) cut += 1;
  };
  await Promise.all([worker(), worker()]);
  process.stdout.write(`starts of ${Math.round(took)} ms cut: ${starts}, before ready: ${cut}\n`);
  expect(cut).toBeGreaterThan(starts / 2);
  // Others' probes come and go meanwhile.
  const own = (await probes()).filter((name) => !before.has(name));
  await until(
    'no probe is left',
    async () => (await probes()).filter((name) => own.includes(name)),
    (seen) => seen.length === 0,
  );
});

it('a restart that is cut leaves living containers on their networks', { timeout: 120_000 }, async () => {
  await using host = await TestHost.create();
  const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
  await using daemon = await TestDaemon.start({ namespace: host.path, flags });
  await daemon.ok('network', 'create', '--subnet', '172.30.9.0/24', 'net');
  for (const name of ['c1', 'c2'])
    await daemon.ok('run', '-d', '--name', name, '--net', 'net', 'sleep', 'sleep', '600');
  await daemon.kill('SIGTERM');
  const links = await host.linkNames();
  const random = new Random(seed);
  for (let i = 0; i < 8; i += 1) {
    const { child, ended } = start(host, daemon.dataRoot);
    await new Promise((resolve) => setTimeout(resolve, 150 + random.next() * 400));
    child.kill('SIGTERM');
    await ended;
    expect(await host.linkNames()).toEqual(links);
  }
  await daemon.start();
  expect((await daemon.run('fairlead', 'exec', 'c1', 'ping', '-c1', '-W1', 'c2')).code).toBe(0);
});

it('a second signal ends a start at once', { timeout: 60_000 }, async () => {
  await using host = await TestHost.create();
  const dataRoot = await mkdtemp(join(tmpdir(), 'flt-cut-'));
  const socket = join(dataRoot, 'silent.sock');
  // An Engine that never answers: the start waits for it.
  const engine = createServer().listen(socket);
  const asked = once(engine, 'connection');
  const { child, ended } = start(host, dataRoot, ['--engine', `unix://${socket}`, '--plugin-socket', 'none']);
  try {
    await asked;
    child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(isAlive(child)).toBe(true);
    child.kill('SIGINT');
    expect(await ended).toEqual([null, 'SIGINT']);
  } finally {
    engine.close();
    await rm(dataRoot, { recursive: true, force: true });
  }
});

function isAlive({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
