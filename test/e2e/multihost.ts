import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { endpointSchema, serviceSchema } from '../../src/cluster/records.ts';
import { withoutPrefix } from '../../src/lib/addresses.ts';
import { runToEnd } from '../rig/daemon.ts';
import type { StoreName } from '../rig/host-store.ts';
import { Multihost, type Place, type Traces } from '../rig/multihost.ts';
import { Pinger } from '../rig/pinger.ts';
import { namedServer, Reconnecting } from '../rig/reconnecting.ts';
import { until } from '../rig/until.ts';

export interface MultihostOptions {
  readonly store: StoreName;
  /** How often a container is moved between hosts. */
  readonly moves: number;
  /** Of every daemon; undefined: the default. */
  readonly leaseTtl?: string;
}

const leaseSeconds = ({ leaseTtl = '15s' }: MultihostOptions) => Number.parseInt(leaseTtl, 10);
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const names = ['s1', 's2', 's3'];
/** Of a service with a standby. */
const port = 7000;

/** Three hosts, real daemons, a real store: the life of one overlay network, in order. */
export function multihostTests(options: MultihostOptions): void {
  describe(`an overlay on three hosts, kept in ${options.store}`, { timeout: 400_000 }, () => {
    let rig: Multihost;
    let multihost = '';
    let other = '';
    let places: Place[] = [];
    let holder: Place | undefined;

    beforeAll(async () => {
      rig = await Multihost.create({ hosts: 3, ...options });
    });
    afterAll(async () => {
      await rig?.[Symbol.asyncDispose]();
    });

    const at = (host: number): Place => {
      const place = places[host - 1];
      if (!place) throw new Error(`nothing runs on host ${host}`);
      return place;
    };
    const addressOf = (service: string) => serviceAddress(rig, 1, `${service}.multihost`);
    const say = (text: string) => process.stdout.write(`${options.store}: ${text}\n`);

    it('every container reaches every other by service name', async () => {
      multihost = await rig.on(1, 'network', 'create', '-d', 'overlay', 'multihost');
      for (const host of [2, 3]) await shown(rig, host, 'multihost');
      places = await Promise.all(
        rig.hosts.map((host) => rig.run(host, `c${host}`, '--publish-service', `s${host}.multihost`)),
      );
      await rig.mesh(places, names, 2000);
    });

    it('a container on another overlay reaches none of them, and no other host knows of it', async () => {
      other = await rig.on(2, 'network', 'create', '-d', 'overlay', 'other');
      await shown(rig, 1, 'other');
      const stranger = await rig.run(1, 'stranger', '--net', 'other');
      const addresses = await Promise.all(names.map(addressOf));
      const reached = await Promise.all(
        [...names, ...addresses].map((target) => rig.pings(stranger, target)),
      );
      expect(reached).toEqual([...names, ...addresses].map(() => false));
      expect(await rig.devicesOf(1, other)).toHaveLength(2);
      for (const host of [2, 3]) {
        expect(await rig.devicesOf(host, other), `host ${host}`).toEqual([]);
        expect(await knownNames(rig, host, other), `host ${host}`).toEqual([]);
      }
      expect(await knownNames(rig, 1, other)).not.toEqual([]);
      await rig.on(1, 'rm', '-f', 'stranger');
      expect(await rig.devicesOf(1, other)).toEqual([]);
    });

    it('a probe names every hop to the container on the other host', async () => {
      const report = await rig.on(1, 'probe', 'c1', 's2');
      const [bridge = '', tunnel = ''] = [...(await rig.devicesOf(1, multihost))].sort();
      expect(report).toContain(`service s2, container c2 on host2`);
      expect(report).toContain(
        `reachable: eth0 -> ${bridge} (bridge) -> ${tunnel} (vxlan) -> node 192.0.2.2 -> ${await addressOf('s2')}`,
      );
    });

    it('packets flow while all daemons restart and one is killed', async () => {
      const pings = await Promise.all(
        [1, 2, 3].map(async (host) =>
          Pinger.start(at(host).namespace, await addressOf(`s${(host % 3) + 1}`), 20),
        ),
      );
      await Promise.all(rig.cluster.daemons.map((daemon) => daemon.kill('SIGTERM')));
      // Longer than the lease: nobody's endpoints are in the store any more.
      await sleep(leaseSeconds(options) * 1000 + 500);
      await Promise.all(rig.cluster.daemons.map((daemon) => daemon.start()));
      const afterRestart = await resolves(rig, at(1), 's3', at(3));
      const seen = await watched(rig, 2);
      await rig.cluster.daemon(2).kill('SIGKILL');
      await rig.cluster.daemon(2).start();
      const afterKill = await resolves(rig, at(2), 's3', at(3));
      // Its changes are numbered anew: who resumes is told all there is, and holds what he held.
      expect(await watched(rig, 2, seen.id)).toEqual({ ...seen, id: expect.not.stringMatching(seen.id) });
      const records = await Promise.all(pings.map((ping) => ping.stop()));
      const lost = records.reduce((sum, { sent, received }) => sum + sent - received, 0);
      const sent = records.reduce((sum, record) => sum + record.sent, 0);
      say(`restart of all daemons and kill -9 of one: ${lost} of ${sent} pings lost`);
      say(`names resolve ${afterRestart} ms after the restart, ${afterKill} ms after the kill`);
      expect(lost).toBe(0);
      expect(Math.max(afterRestart, afterKill)).toBeLessThanOrEqual(1000);
      await rig.mesh(places, names, 2000);
    });

    it(`keeps name and address through ${options.moves} moves, and is found at the new place`, async () => {
      await rig.on(1, 'service', 'publish', 'mover.multihost');
      const address = await addressOf('mover');
      const movers = [
        await rig.run(1, 'm1', '--net', 'multihost'),
        await rig.run(2, 'm2', '--net', 'multihost'),
      ];
      const stays = await addressOf('s2');
      const moves = await moveAround(rig, movers, at(3), { moves: address, stays }, options.moves);
      const waits = moves.map(({ found }) => found).sort((a, b) => a - b);
      const middle = waits[Math.floor(waits.length / 2)] ?? Number.NaN;
      say(
        `${moves.length} moves: first answer ${middle} ms (median), ${waits.at(-1)} ms (longest) after the attach`,
      );
      const late = moves.flatMap(({ lostLater }) => lostLater).length;
      say(
        `${waits.filter((wait) => wait > 100).length} of them took longer than 100 ms; ${late} pings lost later`,
      );
      // All of them where the machine is not busy with other tests.
      expect(waits).toHaveLength(options.moves);
      expect(middle).toBeLessThanOrEqual(100);
      expect(waits.at(-1)).toBeLessThanOrEqual(1000);
      expect(late).toBe(0);
      expect(await addressOf('mover')).toBe(address);
      expect(await rig.pings(at(3), 'mover')).toBe(true);
      for (const [i, name] of ['m1', 'm2'].entries()) await rig.on(i + 1, 'rm', '-f', name);
      await rig.on(3, 'service', 'unpublish', 'mover.multihost');
    });

    it('an address has one owner at any time while a host is cut off, and all is well when it is back', async () => {
      const owners = watchOwners(rig, multihost);
      const stayer = await rig.run(3, 'stayer', '--publish-service', 's4.multihost');
      const all = await Promise.all([...names, 's4'].map(addressOf));
      const lost = all[2] ?? '';
      await rig.cluster.underlay.wire(3, 'down');
      const heir = await rig.run(1, 'heir', '--net', 'multihost');
      await until('host 3 is given up', () => attach(rig, 1, 's3.multihost', 'heir'), Boolean, 60_000);
      await until('s3 is reached at its heir', () => rig.pings(at(2), 's3'), Boolean, 5000);
      await sleep(leaseSeconds(options) * 1000);
      await rig.cluster.underlay.wire(3, 'up');
      const took = await rig.meshOfAddresses([at(1), at(2), heir, stayer], all, 5000);
      say(`cut off for longer than the lease: full mesh ${Math.round(took)} ms after healing`);
      await until(
        'c3 has let go of s3',
        () => addressesIn(at(3)),
        (has) => !has.includes(lost),
        5000,
      );
      expect(await owners.stop()).toEqual([]);
      await rig.on(1, 'rm', '-f', 'heir');
      await rig.on(3, 'service', 'attach', 'c3', 's3.multihost');
      await rig.mesh(places, names, 5000);
    });

    it('a standby takes over a service whose holder is killed, and lets go when the other is promoted', async () => {
      for (const host of [3, 2]) {
        const name = `db${host}`;
        const flags = ['--restart', 'always', '--publish-service', 'db.multihost', '--standby', 'x'];
        const place = await rig.run(host, name, ...flags, ...namedServer(port, name));
        holder ??= place;
      }
      await using answers = Reconnecting.start(at(1).namespace, await addressOf('db'), port);
      await until('the first one answers', () => answers.last === 'db3');
      const pid = await rig.on(3, 'container', 'inspect', '-f', '{{.State.Pid}}', 'db3');
      const since = Date.now();
      process.kill(Number(pid), 'SIGKILL');
      say(`the holder's program killed: the standby answered after ${await answers.other('db3', since)} ms`);
      await until('the other one stands by again', async () =>
        (await rig.on(1, 'service', 'info', 'db.multihost')).includes('\t\tdb3 since '),
      );
      await rig.on(1, 'service', 'promote', 'db3', 'db.multihost');
      await until('it is back', () => answers.last === 'db3');
      expect(answers.order).toEqual(['db3', 'db2', 'db3']);
    });

    it('a service of a host that died without a goodbye is taken over, or published again elsewhere', async () => {
      const address = await addressOf('s3');
      await using answers = Reconnecting.start(at(1).namespace, await addressOf('db'), port);
      await until('the holder answers', () => answers.last === 'db3');
      const since = Date.now();
      await rig.die(3, [at(3), ...(holder ? [holder] : [])]);
      await until(
        'host 3 is lost',
        () => lostNodes(rig, 1),
        (lost) => lost === 1,
        leaseSeconds(options) * 3000,
      );
      say(`the holder's host dead: the standby answered after ${await answers.other('db3', since)} ms`);
      await rig.on(1, 'service', 'unpublish', '-f', 's3.multihost');
      await rig.on(1, 'service', 'publish', 's3.multihost');
      await rig.run(1, 'again', '--net', 'multihost');
      await rig.on(1, 'service', 'attach', 'again', 's3.multihost');
      await until('s3 is reached', () => rig.pings(at(2), 's3'), Boolean, 5000);
      // Its old address is free: anyone may ask for it.
      const heir = await rig.run(2, 'heir', '--net', 'multihost', '--ip', address);
      expect(await addressesIn(heir)).toContain(address);
      await until('the heir is reached', () => rig.pings(at(1), address), Boolean, 5000);
      await rig.cluster.underlay.wire(3, 'up');
      await rig.cluster.daemon(3).start();
      expect(await rig.pings(at(1), address)).toBe(true);
      await until(
        'host 3 is back',
        () => lostNodes(rig, 1),
        (lost) => lost === 0,
      );
    });

    it('nothing is left when all is removed and the daemons have stopped', async () => {
      for (const host of rig.hosts) {
        const ids = (await rig.on(host, 'ps', '-aq')).split('\n').filter(Boolean);
        if (ids.length > 0) await rig.on(host, 'rm', '-f', ...ids);
      }
      const services = (await rig.on(1, 'service', 'ls', '-q')).split('\n').filter(Boolean);
      for (const id of services) await rig.on(1, 'service', 'unpublish', id);
      await rig.on(2, 'network', 'rm', 'multihost');
      await rig.on(3, 'network', 'rm', 'other');
      await Promise.all(rig.cluster.daemons.map((daemon) => daemon.kill('SIGTERM')));
      for (const host of rig.hosts) expect(await rig.traces(host), `host ${host}`).toEqual(traceless);
      expect(await rig.keys()).toEqual([]);
    });
  });
}

const traceless: Traces = { devices: ['up0'], namespaces: [], tables: '', rules: 3, files: [] };

async function shown(rig: Multihost, host: number, network: string): Promise<void> {
  await until(`${network} on host ${host}`, async () =>
    (await rig.on(host, 'network', 'ls')).includes(` ${network} `),
  );
}

const watchedSchema = z.object({ endpoints: z.array(endpointSchema.pick({ id: true })) });

/** What a reader of the whole cluster is told first, and the id of that. */
async function watched(rig: Multihost, host: number, after = '') {
  const path = `/fairlead/watch?until=1&after=${after}`;
  const { text } = await rig.cluster.daemon(host).call('GET', path);
  const [, id = '', event, data = ''] = /^id: (.*)\nevent: (.*)\ndata: (.*)\n/.exec(text) ?? [];
  const { endpoints } = watchedSchema.parse(JSON.parse(data));
  return { id, event, endpoints: endpoints.map((endpoint) => endpoint.id).sort() };
}

const nodeList = z.array(z.object({ state: z.string().optional() }));

async function lostNodes(rig: Multihost, host: number): Promise<number> {
  const nodes = nodeList.parse(await rig.inspect(host, '/fairlead/nodes?all=1'));
  return nodes.filter(({ state }) => state === 'lost').length;
}

const serviceList = z.array(z.object({ ipv4: z.string().optional() }));

async function serviceAddress(rig: Multihost, host: number, ref: string): Promise<string> {
  const [service] = serviceList.parse(await rig.inspect(host, `/v1.23/services?ref=${ref}`));
  return withoutPrefix(service?.ipv4 ?? '');
}

const dump = z.object({ networks: z.array(z.object({ id: z.string(), names: z.array(z.unknown()) })) });

/** What the host's DNS knows of a network: as much as the host knows of its endpoints. */
async function knownNames(rig: Multihost, host: number, networkId: string): Promise<readonly unknown[]> {
  const { networks } = dump.parse(await rig.inspect(host, '/fairlead/dns'));
  return networks.find(({ id }) => id === networkId)?.names ?? [];
}

/** Milliseconds until the container's own resolver knows the service of the other again. */
async function resolves(rig: Multihost, from: Place, service: string, to: Place): Promise<number> {
  const start = performance.now();
  const wanted = await serviceAddress(rig, to.host, `${service}.multihost`).catch(() => '');
  const ask = async () => {
    const [, gateway = ''] = /default via (\S+)/.exec(await inside(from, 'ip', 'route')) ?? [];
    return await inside(from, 'dig', '+short', '+tries=1', '+time=1', service, `@${gateway}`);
  };
  await until(`${service} resolves`, ask, (said) => wanted !== '' && said.trim() === wanted);
  return Math.round(performance.now() - start);
}

async function inside({ namespace }: Place, ...words: readonly string[]): Promise<string> {
  return (await runToEnd(['nsenter', `--net=${namespace}`, ...words])).stdout;
}

async function addressesIn(place: Place): Promise<readonly string[]> {
  const shownAddresses = await inside(place, 'ip', '-4', '-o', 'addr', 'show');
  return [...shownAddresses.matchAll(/inet ([\d.]+)\//g)].map(([, address = '']) => address);
}

async function attach(rig: Multihost, host: number, service: string, container: string): Promise<boolean> {
  const { code } = await rig.cluster.daemon(host).run('fairlead', 'service', 'attach', container, service);
  return code === 0;
}

interface Move {
  /**
   * Milliseconds from the attach's return to the first answer after it, but for pauses in which an address that does not
   * move was not answered either.
   */
  readonly found: number;
  /** Lost after the new place had answered, or 100 ms after the attach's return, whichever is later; before the detach. */
  readonly lostLater: readonly number[];
}

async function moveAround(
  rig: Multihost,
  movers: readonly Place[],
  watcher: Place,
  addresses: { readonly moves: string; readonly stays: string },
  count: number,
): Promise<readonly Move[]> {
  const backend = `/v1.23/services/${await serviceId(rig, 1)}/backend`;
  const steps: { readonly attached: number; leaves: number }[] = [];
  const place = (i: number) => {
    const mover = movers[i % movers.length];
    if (!mover) throw new Error('nobody to move');
    return { name: mover.name, daemon: rig.cluster.daemon(mover.host) };
  };
  const arrive = async (i: number) => {
    const { name, daemon } = place(i);
    const { status, text } = await daemon.call('POST', backend, { container_id: name });
    if (status !== 200) throw new Error(`attach ${name}: ${status} ${text}`);
    steps.push({ attached: Date.now(), leaves: Number.POSITIVE_INFINITY });
  };
  const leave = async (i: number) => {
    const { name, daemon } = place(i);
    Object.assign(steps[i] ?? {}, { leaves: Date.now() });
    await daemon.call('DELETE', `${backend}/${name}`);
  };
  // Below 11 ms ping does not sleep but spin, and takes a core from the daemons.
  const intervalMs = 12;
  await using control = await Pinger.start(watcher.namespace, addresses.stays, intervalMs);
  await arrive(0);
  await using ping = await Pinger.start(watcher.namespace, addresses.moves, intervalMs);
  // The last one stays, for the caller to look at.
  for (let i = 1; i < count; i += 1) {
    await sleep(120);
    await leave(i - 1);
    await arrive(i);
  }
  await sleep(120);
  const [{ answeredAt, lostAt }, { answeredAt: alive }] = [await ping.stop(), await control.stop()];
  return steps.map(({ attached, leaves }) => {
    const answered = answeredAt.find((time) => time >= attached) ?? Number.POSITIVE_INFINITY;
    const window = Math.max(answered, attached + 100);
    return {
      found: Math.round(answered - attached - stoodStill(alive, attached, answered)),
      lostLater: lostAt.filter((time) => time > window && time < leaves),
    };
  });
}

/** Milliseconds between the two in which nothing was answered for so long (100 ms) that the machine must have slept. */
function stoodStill(alive: readonly number[], from: number, to: number): number {
  const gaps = alive.slice(1).map((end, i) => [Math.max(alive[i] ?? end, from), Math.min(end, to)] as const);
  return gaps.reduce((sum, [begin, end]) => sum + (end - begin > 100 ? end - begin : 0), 0);
}

async function serviceId(rig: Multihost, host: number): Promise<string> {
  const [service] = z
    .array(z.object({ id: z.string() }))
    .parse(await rig.inspect(host, '/v1.23/services?ref=mover.multihost'));
  return service?.id ?? '';
}

/** Looks at the store all the time; resolves with every address that was seen with two owners. */
function watchOwners(rig: Multihost, networkId: string): { stop(): Promise<readonly string[]> } {
  const doubles = new Set<string>();
  let going = true;
  const look = async () => {
    while (going) {
      const endpoints = await rig.store.list(`endpoints/${networkId}/`);
      const services = await rig.store.list(`services/${networkId}/`);
      const owners = endpoints.map(({ value }) => endpointSchema.parse(JSON.parse(value)));
      const held = services.map(({ value }) => serviceSchema.parse(JSON.parse(value)));
      const addresses = [
        ...owners.map(({ ipv4 }) => ipv4),
        ...held.filter((s) => !owners.some((e) => e.serviceId === s.id)).map(({ ipv4 }) => ipv4),
      ];
      for (const [i, one] of addresses.entries()) if (one && addresses.indexOf(one) !== i) doubles.add(one);
      await sleep(20);
    }
  };
  const done = look();
  return {
    async stop() {
      going = false;
      await done;
      return [...doubles];
    },
  };
}
