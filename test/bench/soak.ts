import { readdir, readFile } from 'node:fs/promises';
import http from 'node:http';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { growthRow, type Memory, memoryFlags, memoryOf, memoryText } from './memory.ts';
import { type Benchmark, quantile, type Row, type Say } from './row.ts';

/**
 * Many clients at once, each making a network and a container, connecting, inspecting, disconnecting and
 * removing, again and again. Fails for a call that does, and for anything that is left behind.
 */

const loopback = 'http://daemon';

interface Tally {
  calls: number;
  readonly times: number[];
  /** The same by what was called. */
  readonly byCall: Map<string, number[]>;
  readonly failures: string[];
}

/** `soak 60 200`; the memory is looked at after each leg. */
const [seconds = 60, clients = 200] = process.argv.filter((word) => /^\d+$/.test(word)).map(Number);
const legs = 4;

export const soak: Benchmark = {
  about: `${clients} clients for ${seconds} s, each making, connecting and removing; nothing may be left`,
  run: measure,
};

async function measure(say: Say): Promise<readonly Row[]> {
  await using host = await TestHost.create();
  await using daemon = await TestDaemon.start({
    namespace: host.path,
    nodeFlags: memoryFlags,
    flags: [
      '--dataplane',
      'linux',
      '--dns-listen',
      'none',
      '--default-address-pool',
      'base=10.0.0.0/8,size=24',
    ],
  });
  const before = await traces(host, daemon);
  const tally: Tally = { calls: 0, times: [], byCall: new Map(), failures: [] };
  const memory: Memory[] = [];
  for (let leg = 0; leg < legs; leg += 1) {
    const end = Date.now() + (seconds * 1000) / legs;
    const prefix = `${leg}-`;
    await Promise.all(
      Array.from({ length: clients }, (_, index) => client(`${prefix}${index}`, daemon, end, tally)),
    );
    memory.push(await memoryOf(daemon));
  }
  await daemon.call('POST', '/containers/prune');
  await daemon.call('POST', '/networks/prune');
  const after = await traces(host, daemon);
  return report(say, tally, memory, before, after);
}

async function client(index: string, daemon: TestDaemon, end: number, tally: Tally): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const call = (method: string, path: string, body?: unknown) =>
    timedCall({ daemon, agent, tally }, method, path, body);
  for (let round = 0; Date.now() < end; round += 1) {
    const [network, container] = [`n-${index}-${round}`, `c-${index}-${round}`];
    await call('POST', '/networks/create', { Name: network });
    await call('POST', `/containers/create?name=${container}`, { Image: 'x' });
    await call('POST', `/networks/${network}/connect`, { Container: container });
    await call('GET', `/networks/${network}`);
    await call('GET', `/containers/${container}/json`);
    await call('POST', `/networks/${network}/disconnect`, { Container: container });
    await call('DELETE', `/containers/${container}?force=1`);
    await call('DELETE', `/networks/${network}`);
  }
  agent.destroy();
}

interface Line {
  readonly daemon: TestDaemon;
  readonly agent: http.Agent;
  readonly tally: Tally;
}

async function timedCall(line: Line, method: string, path: string, body?: unknown): Promise<void> {
  const { daemon, agent, tally } = line;
  const payload = body === undefined ? '' : JSON.stringify(body);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(payload) };
  const socketPath = daemon.host.slice('unix://'.length);
  const begun = performance.now();
  const status = await new Promise<number | string>((resolve) => {
    const url = new URL(path, loopback);
    const request = http.request({ socketPath, agent, method, path: url.pathname + url.search, headers });
    request.once('response', (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
    request.once('error', (error) => resolve(error.message));
    request.end(payload);
  });
  tally.calls += 1;
  const taken = performance.now() - begun;
  tally.times.push(taken);
  const kind = `${method} ${path.replaceAll(/[?].*|[cn](-\d+)+/g, '*')}`;
  const ofKind = tally.byCall.get(kind) ?? [];
  ofKind.push(taken);
  tally.byCall.set(kind, ofKind);
  // Every name is the client's own: nothing but success is right.
  if (typeof status === 'string' || status >= 400) tally.failures.push(`${method} ${path}: ${status}`);
}

/** What would be left over: namespaces, devices, elements of the firewall. */
async function traces(host: TestHost, daemon: TestDaemon): Promise<Record<string, number>> {
  const tag = (await readFile(`${daemon.dataRoot}/node-id`, 'utf8')).slice(0, 4);
  const namespaces = (await readdir('/run/netns')).filter((name) => name.startsWith(`fl${tag}`)).length;
  const devices = (await host.linkNames()).length;
  const rules = (await host.run('nft', 'list', 'ruleset')).split('\n').length;
  const networks = (await daemon.ok('network', 'ls', '-q')).split('\n').length;
  const containers = (await daemon.ok('ps', '-aq')).split('\n').filter((id) => id !== '').length;
  return { namespaces, devices, rules, networks, containers };
}

/** @throws for a call that failed, and for what is left behind */
function report(
  say: Say,
  { calls, times, byCall, failures }: Tally,
  memory: readonly Memory[],
  before: Record<string, number>,
  after: Record<string, number>,
): readonly Row[] {
  say(`${calls} calls; ${memoryText(memory)}`);
  for (const [kind, taken] of byCall)
    say(`${kind}: p50 ${quantile(taken, 0.5).toFixed(0)} ms, p99 ${quantile(taken, 0.99).toFixed(0)} ms`);
  const left = Object.keys(before).filter((what) => before[what] !== after[what]);
  const leftBehind = left.map((what) => `left behind: ${what} ${before[what]} → ${after[what]}`);
  const faults = [...failures.slice(0, 5), ...leftBehind];
  if (faults.length > 0) throw new Error(`${failures.length} calls failed\n${faults.join('\n')}`);
  return [
    { what: `soak, ${clients} clients: a call, p50`, unit: 'ms', ours: quantile(times, 0.5) },
    { what: `soak, ${clients} clients: a call, p99`, unit: 'ms', ours: quantile(times, 0.99) },
    { what: `soak, ${clients} clients: calls`, unit: '1/s', ours: calls / seconds },
    growthRow(`soak, ${clients} clients: growth of the heap`, memory),
  ];
}
