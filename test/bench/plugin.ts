import { z } from 'zod';
import { EngineAlone } from '../rig/engine-alone.ts';
import type { EngineHost } from '../rig/engine-host.ts';
import { call as callApi, type HttpClient, unixClient } from './http-call.ts';
import { type Benchmark, type Budget, compare, type Row, type Say } from './row.ts';

const created = z.object({ Id: z.string() });
const rounds = 20;
const atOnce = 200;

export const plugin: Benchmark = {
  about: "what a container's start costs on our network beside an Engine's own, and 200 starts at once",
  run: measureAll,
};

/** The same Engine for both, in turn, so that they differ in the network only. */
async function measureAll(say: Say): Promise<readonly Row[]> {
  await using rig = await EngineAlone.create();
  const { host } = rig;
  const engine = unixClient(host.dockerHost.slice('unix://'.length));
  try {
    await host.dockerOk('network', 'create', 'theirs');
    await host.daemon.ok('network', 'create', '-d', 'overlay', 'ours');
    await host.daemon.ok('network', 'create', '-d', 'bridge', 'ours-here');
    await host.daemon.ok('network', 'create', '-d', 'overlay', 'ours-empty');
    // A host has nothing of an overlay network until a container of its own is on it.
    await call(engine, 'POST', `/containers/${await create(engine, 'ours')}/start`);
    const rows = [
      await startOn(engine, 'ours', 'start on an overlay network', atMost),
      await startOn(engine, 'ours-here', 'start on a bridge network', atMost),
      await startOn(engine, 'ours-empty', "start of a host's first container on an overlay network"),
    ];
    return [...rows, ...(await manyAtOnce(engine, host, say))];
  } finally {
    engine.agent.destroy();
  }
}

const atMost: Budget = { value: 'ratio', atMost: 1.1 };

async function startOn(engine: HttpClient, network: string, what: string, budget?: Budget): Promise<Row> {
  const samples: Record<'ours' | 'theirs', number[]> = { ours: [], theirs: [] };
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const ours = await started(engine, network);
    const theirs = await started(engine, 'theirs');
    if (round === 0) continue;
    samples.ours.push(ours);
    samples.theirs.push(theirs);
  }
  return compare({
    what: `plugin: ${what}`,
    unit: 'ms',
    ours: samples.ours,
    peer: { name: "Engine's bridge", values: samples.theirs },
    ...(budget && { budget }),
  });
}

/** Milliseconds that the start takes; creation and removal are not counted. */
async function started(engine: HttpClient, network: string): Promise<number> {
  const id = await create(engine, network);
  const begun = performance.now();
  await call(engine, 'POST', `/containers/${id}/start`);
  const taken = performance.now() - begun;
  await call(engine, 'DELETE', `/containers/${id}?force=1`);
  return taken;
}

async function manyAtOnce(engine: HttpClient, host: EngineHost, say: Say): Promise<readonly Row[]> {
  const before = await remains(host);
  const failures: string[] = [];
  const begun = performance.now();
  const one = async () => {
    try {
      const id = await create(engine, 'ours');
      await call(engine, 'POST', `/containers/${id}/start`);
      await call(engine, 'POST', `/containers/${id}/stop?t=0`);
      await call(engine, 'DELETE', `/containers/${id}?force=1`);
    } catch (error) {
      failures.push(String(error));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, one));
  const seconds = (performance.now() - begun) / 1000;
  for (const failure of failures.slice(0, 3)) say(failure);
  const left = (await remains(host)).filter((name) => !before.includes(name));
  if (left.length > 0) say(`left: ${left.slice(0, 5).join(', ')}`);
  const of = `of ${atOnce} containers started and stopped at once`;
  return [
    { what: `plugin: seconds ${of}`, unit: 's', ours: seconds },
    { what: `plugin: failures ${of}`, unit: '', ours: failures.length, budget: { value: 'ours', atMost: 0 } },
    { what: `plugin: left-overs ${of}`, unit: '', ours: left.length, budget: { value: 'ours', atMost: 0 } },
  ];
}

/** Interfaces of the host, names in DNS, and whatever the doctor finds. */
async function remains(host: EngineHost): Promise<readonly string[]> {
  const links = (await host.network.linkNames()).filter((name) => /^fl[0-9a-f]{4}/.test(name));
  const names = (await host.daemon.ok('dns', 'dump')).split('\n').slice(1);
  const { stdout } = await host.daemon.run('fairlead', 'doctor');
  return [...links, ...names, ...stdout.split('\n').slice(0, -2)];
}

async function create(engine: HttpClient, network: string): Promise<string> {
  const body = { Image: 'busybox', Cmd: ['sleep', '600'], HostConfig: { NetworkMode: network } };
  return created.parse(JSON.parse(await call(engine, 'POST', '/containers/create', body))).Id;
}

async function call(client: HttpClient, method: string, path: string, body?: unknown): Promise<string> {
  return await callApi(client, method, `/v1.41${path}`, body);
}
