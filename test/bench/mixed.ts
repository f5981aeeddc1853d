import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';
import { call, type HttpClient, unixClient } from './http-call.ts';
import { type Benchmark, compare, measured, median, quantile, type Row, type Say } from './row.ts';

/** Rounds of attach alone and attach under load, in turn. */
const rounds = 5;
const attachesPerRound = 20;
const attachesPerSecond = 50;
const pacedSeconds = 10;
/** Of names under attaches: a daemon's first thousand, in whose midst V8 compiles, and those that count. */
const firstRounds = 2;
const pacedRounds = 5;
const containers = 16;

export const mixed: Benchmark = {
  about: 'attach while names are asked for, and names while containers are attached',
  run: measure,
};

/** A daemon, a network that containers are attached to, and one whose containers ask. */
interface Scene {
  readonly client: HttpClient;
  /** What enters the asking container's network namespace. */
  readonly enter: readonly string[];
  readonly resolver: string;
  /** Absent: 53. */
  readonly port?: number;
  /** A file for dnsperf, which goes through it again and again. */
  readonly questions: string;
}

async function measure(say: Say): Promise<readonly Row[]> {
  await using host = await TestHost.create();
  await using daemon = await TestDaemon.start({
    namespace: host.path,
    flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
  });
  const scene = await set(daemon);
  const most = await saturation(scene);
  say(`${Math.round(most)} queries/s at most`);
  const growth = await attachUnderLoad(scene, most / 2);
  const calm = await namesBesideFlood(scene, await calmScene(scene, daemon));
  const first: Paced[] = [];
  for (let n = 0; n < firstRounds; n += 1) first.push(await namesUnderAttaches(scene));
  await using dnsmasq = await startDnsmasq(host, scene);
  await using echo = await startEcho(host, scene);
  const [paced, masq, echoed]: [Paced[], Paced[], Paced[]] = [[], [], []];
  for (let n = 0; n < pacedRounds; n += 1) {
    paced.push(await namesUnderAttaches(scene));
    masq.push(await namesUnderAttaches(dnsmasq.scene));
    echoed.push(await namesUnderAttaches(echo.scene));
  }
  const beside = (percent: number) => [
    underAttaches(percent, paced, { name: 'dnsmasq in its place', rounds: masq }),
    underAttaches(percent, paced, { name: 'bare dgram echo in its place', rounds: echoed }),
  ];
  const [p99, ...rest] = beside(99);
  const attaches = paced.flatMap((round) => round.attaches);
  say(`${paced.flatMap((round) => round.answers).length} answers during ${attaches.length} attaches`);
  scene.client.agent.destroy();
  return [
    growth,
    { what: 'DNS of a network while another one floods, p99', unit: 'ms', ours: quantile(calm, 0.99) },
    { what: 'DNS of a network while another one floods, p50', unit: 'ms', ours: quantile(calm, 0.5) },
    ...(p99 ? [{ ...p99, budget: { value: 'ours', atMost: 2 } } as const] : []),
    ...rest,
    {
      what: `DNS in the first ${firstRounds * pacedSeconds} s of them, p99`,
      unit: 'ms',
      ours: quantile(
        first.flatMap(({ answers }) => answers),
        0.99,
      ),
    },
    ...beside(50),
    { what: `${attachesPerSecond} attaches/s while asked, p50`, unit: 'ms', ours: median(attaches) },
  ];
}

async function set(daemon: TestDaemon): Promise<Scene> {
  const client = unixClient(daemon.host.slice('unix://'.length));
  for (const [Name, Subnet] of [
    ['asking', '10.1.0.0/24'],
    ['attach', '10.2.0.0/24'],
  ]) {
    await call(client, 'POST', '/networks/create', { Name, IPAM: { Config: [{ Subnet }] } });
  }
  for (let index = 0; index < containers; index += 1) {
    const body = { Image: 'x', HostConfig: { NetworkMode: 'asking' } };
    await call(client, 'POST', `/containers/create?name=c${index}`, body);
    await call(client, 'POST', `/containers/c${index}/start`);
  }
  const enter = await entrance(daemon, 'c0');
  const questions = `${daemon.dataRoot}/questions`;
  await writeFile(questions, 'c1 A\n');
  return { client, enter, resolver: '10.1.0.1', questions };
}

/** What enters the container's network namespace. */
async function entrance(daemon: TestDaemon, container: string): Promise<readonly string[]> {
  const tag = (await readFile(`${daemon.dataRoot}/node-id`, 'utf8')).slice(0, 4);
  const id = await daemon.ok('inspect', '-f', '{{.Id}}', container);
  return ['nsenter', `--net=/run/netns/fl${tag}-${id.slice(0, 12)}`];
}

/** Another network, whose containers are called like those of the first. */
async function calmScene({ client, questions }: Scene, daemon: TestDaemon): Promise<Scene> {
  const IPAM = { Config: [{ Subnet: '10.3.0.0/24' }] };
  await call(client, 'POST', '/networks/create', { Name: 'calm', IPAM });
  const NetworkingConfig = { EndpointsConfig: { calm: { Aliases: ['c1'] } } };
  const body = { Image: 'x', HostConfig: { NetworkMode: 'calm' }, NetworkingConfig };
  await call(client, 'POST', '/containers/create?name=calm', body);
  await call(client, 'POST', '/containers/calm/start');
  return { client, enter: await entrance(daemon, 'calm'), resolver: '10.3.0.1', questions };
}

function dnsperf(
  { enter, resolver, port = 53, questions }: Scene,
  ...words: readonly string[]
): readonly string[] {
  return [...enter, 'dnsperf', '-s', resolver, '-p', String(port), '-d', questions, '-c', '4', ...words];
}

async function saturation(scene: Scene): Promise<number> {
  const { stdout, stderr } = await runToEnd(dnsperf(scene, '-l', '3', '-q', '64'));
  const rate = Number(/Queries per second:\s+([\d.]+)/.exec(stdout)?.[1]);
  if (!(rate > 0)) throw new Error(`dnsperf: ${stderr}${stdout}`);
  return rate;
}

async function attachUnderLoad(scene: Scene, queriesPerSecond: number): Promise<Row> {
  const [alone, loaded]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    alone.push(median(await attachSome(scene)));
    const load = start(scene, 'ignore', '-l', '120', '-Q', String(Math.round(queriesPerSecond)));
    // It is to be at its rate.
    await sleep(300);
    loaded.push(median(await attachSome(scene)));
    await end(load);
  }
  const ratios = loaded.map((time, round) => time / (alone[round] ?? Number.NaN));
  return {
    ...measured({ what: 'attach with DNS at half of its most', unit: 'ms' }, loaded),
    peer: { name: 'without queries', value: median(alone) },
    ratio: median(ratios),
    spread: [Math.min(...ratios), Math.max(...ratios)],
    budget: { value: 'ratio', atMost: 2 },
  };
}

async function attachSome({ client }: Scene): Promise<readonly number[]> {
  const times: number[] = [];
  for (let index = 0; index < attachesPerRound; index += 1) times.push(await attachOnce(client, 'c0'));
  return times;
}

/** Milliseconds of the attach; detached again. */
async function attachOnce(client: HttpClient, Container: string): Promise<number> {
  const begun = performance.now();
  await call(client, 'POST', '/networks/attach/connect', { Container });
  const taken = performance.now() - begun;
  await call(client, 'POST', '/networks/attach/disconnect', { Container });
  return taken;
}

/** Milliseconds of each answer, and of each attach. */
interface Paced {
  readonly answers: readonly number[];
  readonly attaches: readonly number[];
}

async function namesUnderAttaches(scene: Scene): Promise<Paced> {
  const [answers, attaches] = await Promise.all([askAtPace(scene), attachAtPace(scene.client)]);
  return { answers, attaches };
}

/** dnsmasq, asked in our place while we attach: what this machine allows. */
async function startDnsmasq(host: TestHost, scene: Scene) {
  const port = 5353;
  const hosts = `${scene.questions}.hosts`;
  await writeFile(hosts, '10.1.0.3 c1\n');
  const words = ['--keep-in-foreground', '--conf-file=/dev/null', '--no-hosts', '--no-resolv', '--user=root'];
  const where = [`--port=${port}`, `--listen-address=${scene.resolver}`, '--bind-interfaces', '--pid-file='];
  return await startPeer(host, { ...scene, port }, ['dnsmasq', ...words, ...where, `--addn-hosts=${hosts}`]);
}

/** What a program in Node cannot do better. */
async function startEcho(host: TestHost, scene: Scene) {
  const port = 5354;
  const program = `const socket = require('node:dgram').createSocket('udp4');
    socket.on('message', (packet, from) => socket.send(packet, from.port, from.address));
    socket.bind(${port}, '${scene.resolver}');`;
  return await startPeer(host, { ...scene, port }, [process.execPath, '-e', program]);
}

async function startPeer(host: TestHost, scene: Scene, words: readonly string[]) {
  const server = spawn('nsenter', [`--net=${host.path}`, ...words], { stdio: 'ignore' });
  const listening = ['ss', '-Hlun', `sport = :${scene.port}`];
  const asked = async () => (await runToEnd(['nsenter', `--net=${host.path}`, ...listening])).stdout;
  await until('the peer listens', asked);
  return { scene, [Symbol.asyncDispose]: () => end(server) };
}

function underAttaches(
  percent: number,
  ours: readonly Paced[],
  peer: { readonly name: string; readonly rounds: readonly Paced[] },
): Row {
  const of = (rounds: readonly Paced[]) => rounds.map(({ answers }) => quantile(answers, percent / 100));
  return compare({
    what: `DNS under ${attachesPerSecond} attaches/s, p${percent}`,
    unit: 'ms',
    ours: of(ours),
    peer: { name: peer.name, values: of(peer.rounds) },
  });
}

/** Milliseconds of each answer on a network, while a container of another one asks as fast as it can. */
async function namesBesideFlood(flooding: Scene, calm: Scene): Promise<readonly number[]> {
  const flood = start(flooding, 'ignore', '-l', '120', '-q', '64');
  await sleep(300);
  const answers = await askAtPace(calm);
  await end(flood);
  return answers;
}

/** Milliseconds of each answer. What dnsperf says of each goes into a file: reading it meanwhile would cost a core's time. */
async function askAtPace(scene: Scene): Promise<readonly number[]> {
  const file = await open(`${scene.questions}.answers`, 'w+');
  try {
    const asking = start(scene, file.fd, '-l', String(pacedSeconds), '-Q', '500', '-v');
    await once(asking, 'close');
    const output = await readFile(`${scene.questions}.answers`, 'utf8');
    // `> NOERROR c1 A 0.000123`: dnsperf's own clock, in seconds.
    const answers = [...output.matchAll(/^> NOERROR c1 A ([\d.]+)$/gm)].map(([, s]) => Number(s) * 1000);
    if (answers.length === 0) throw new Error(`dnsperf: ${output.slice(0, 500)}`);
    return answers;
  } finally {
    await file.close();
  }
}

/** Each container in its turn: one that is not done yet is passed over until it is. */
async function attachAtPace(client: HttpClient): Promise<readonly number[]> {
  const times: number[] = [];
  const free = Array.from({ length: containers - 1 }, (_, index) => `c${index + 1}`);
  const running = new Set<Promise<void>>();
  const begun = performance.now();
  for (let n = 0; n < attachesPerSecond * pacedSeconds; n += 1) {
    const due = begun + (n * 1000) / attachesPerSecond;
    if (due > performance.now()) await sleep(due - performance.now());
    if (free.length === 0) await Promise.race(running);
    const name = free.shift();
    if (name === undefined) continue;
    const one: Promise<void> = attachOnce(client, name).then((taken) => {
      times.push(taken);
      free.push(name);
      running.delete(one);
    });
    running.add(one);
  }
  await Promise.all(running);
  return times;
}

function start(scene: Scene, output: number | 'ignore', ...words: readonly string[]): ChildProcess {
  const [program = '', ...args] = dnsperf(scene, ...words);
  return spawn(program, args, { stdio: ['ignore', output, 'ignore'] });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}
