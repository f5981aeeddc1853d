import { parseArgs } from 'node:util';
import { Multihost, type Place } from './multihost.ts';
import { namedServer, Reconnecting } from './reconnecting.ts';
import { standbyFaults } from './standby-faults.ts';
import { until } from './until.ts';

/**
 * `npm run takeover -- --kills 200 --deaths 20`: how long a client that reconnects in a loop waits for a service's address
 * when the program of the holder is killed, and when the holder's host dies (lease of 3 s, etcd), on three hosts. With
 * `--faults 1000 --seed 1`: that many faults in the simulated mode (standby-faults.ts) instead.
 */
const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '200' },
    deaths: { type: 'string', default: '20' },
    faults: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
  },
});
if (Number(values.faults) > 0) {
  const { faults, takeovers, violations } = await standbyFaults(Number(values.seed), Number(values.faults));
  for (const violation of violations) console.log(violation);
  console.log(`simulated: ${faults} faults, ${takeovers} takeovers, ${violations.length} violations`);
  process.exit(violations.length > 0 ? 1 : 0);
}
const port = 7000;

const median = (sorted: readonly number[]) => sorted[Math.floor(sorted.length / 2)] ?? 0;
function tell(what: string, gaps: readonly number[]): void {
  const sorted = gaps.toSorted((a, b) => a - b);
  console.log(`${what}: ${gaps.length} times, median ${median(sorted)} ms, worst ${sorted.at(-1)} ms`);
}

await using rig = await Multihost.create({ hosts: 3, store: 'etcd', leaseTtl: '3s' });
await rig.on(1, 'network', 'create', '-d', 'overlay', '--subnet', '10.50.0.0/24', 'mh');
for (const host of [2, 3])
  await until('all know mh', async () => (await rig.on(host, 'network', 'ls')).includes(' mh '));
const address = await published();
const places = new Map<string, Place>();
const client = await rig.run(1, 'client', '--net', 'mh');
for (const host of [2, 3]) await serve(host);
await using answers = Reconnecting.start(client.namespace, address, port);

tell("the holder's program is killed", await repeat(Number(values.kills), killProgram));
tell("the holder's host dies", await repeat(Number(values.deaths), killHost));

async function published(): Promise<string> {
  await rig.on(1, 'service', 'publish', 'db.mh');
  return await rig.on(1, 'service', 'info', '--format', '{{.ipv4}}', 'db.mh');
}

async function serve(host: number): Promise<void> {
  const name = `s${host}`;
  const flags = ['--publish-service', 'db.mh', '--standby'];
  places.set(name, await rig.run(host, name, ...flags, 'x', ...namedServer(port, name)));
}

async function repeat(times: number, once: (holder: Place) => Promise<number>): Promise<readonly number[]> {
  const gaps: number[] = [];
  while (gaps.length < times) {
    const holder = places.get(await until('somebody answers', () => answers.last ?? '', Boolean)) ?? client;
    await until('the other stands by', async () => (await ready()) === 2);
    gaps.push(await once(holder));
  }
  return gaps;
}

async function ready(): Promise<number> {
  const text = await rig.on(1, 'service', 'info', '--format', 'json', 'db.mh');
  return text.split('"ready":true').length - 1;
}

async function killProgram({ host, name }: Place): Promise<number> {
  const pid = Number(await rig.on(host, 'container', 'inspect', '-f', '{{.State.Pid}}', name));
  const since = Date.now();
  process.kill(pid, 'SIGKILL');
  const gap = await answers.other(name, since);
  // By hand: a restart policy waits ever longer.
  await rig.on(host, 'start', name);
  return gap;
}

async function killHost(holder: Place): Promise<number> {
  const since = Date.now();
  await rig.die(holder.host, [holder]);
  const gap = await answers.other(holder.name, since);
  await rig.cluster.underlay.wire(holder.host, 'up');
  await rig.cluster.daemon(holder.host).start();
  await rig.on(holder.host, 'start', holder.name).catch(() => undefined);
  return gap;
}
