import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { Multihost, type Place } from '../rig/multihost.ts';
import { until } from '../rig/until.ts';

const diagnosis = z.object({
  findings: z.array(z.object({ text: z.string(), network: z.string().optional(), repaired: z.boolean() })),
});

/** Kernel state broken by hand: the doctor names it, `--repair` and the reconcile of every minute heal it. */
describe('the doctor', { timeout: 120_000 }, () => {
  let rig: Multihost;
  let tag = '';
  let bridge = '';
  let vxlan = '';
  let here: Place;
  let there: Place;
  let mac = '';
  let address = '';

  beforeAll(async () => {
    rig = await Multihost.create({ hosts: 2, store: 'etcd', leaseTtl: '3s' });
    const id = await rig.on(1, 'network', 'create', '-d', 'overlay', '--subnet', '10.9.0.0/24', 'multihost');
    await until('host 2 knows it', async () => (await rig.on(2, 'network', 'ls')).includes('multihost'));
    here = await rig.run(1, 'c1', '--publish-service', 's1.multihost');
    there = await rig.run(2, 'c2', '--publish-service', 's2.multihost');
    [vxlan = '', bridge = ''] = [...(await rig.devicesOf(1, id))].sort((a, b) =>
      a.includes('x') ? -1 : b.includes('x') ? 1 : 0,
    );
    tag = (await readFile(`${rig.cluster.daemon(1).dataRoot}/node-id`, 'utf8')).slice(0, 4);
    address = '10.9.0.3';
    mac = '02:42:0a:09:00:03';
    await until('c2 answers', () => rig.pings(here, 's2'));
    // Until a lease's time after the start, entries nobody asked for are spared.
    await until(
      'all is well',
      async () => (await findings()).length,
      (count) => count === 0,
      20_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 3000));
  });
  afterAll(async () => {
    await rig?.[Symbol.asyncDispose]();
  });

  const findings = async (...flags: string[]) => {
    const { stdout, stderr } = await rig.cluster
      .daemon(1)
      .run('fairlead', 'doctor', ...flags, '--format', 'json');
    if (stdout === '') throw new Error(stderr);
    return diagnosis.parse(JSON.parse(stdout)).findings;
  };
  const texts = async (...flags: string[]) => (await findings(...flags)).map(({ text }) => text);
  const host = (...words: string[]) => rig.cluster.host(1).run(words[0] ?? '', ...words.slice(1));
  const inside = (...words: string[]) =>
    rig.cluster.host(1).runIn(here.namespace.slice('/run/netns/'.length), words[0] ?? '', ...words.slice(1));

  /** What is done by hand → what the doctor says of it. */
  const cases: Readonly<Record<string, { breaks: () => Promise<unknown>; says: () => string[] }>> = {
    'an FDB entry': {
      breaks: () => host('bridge', 'fdb', 'del', mac, 'dev', vxlan, 'self'),
      says: () => [`fdb entry ${mac} of ${vxlan} is missing; it should be: to 192.0.2.2`],
    },
    'an FDB entry that leads elsewhere': {
      breaks: () =>
        host('bridge', 'fdb', 'replace', mac, 'dev', vxlan, 'dst', '192.0.2.3', 'self', 'permanent'),
      says: () => [`fdb entry ${mac} of ${vxlan} is: to 192.0.2.3; it should be: to 192.0.2.2`],
    },
    'an FDB entry too many': {
      breaks: () =>
        host(
          'bridge',
          'fdb',
          'add',
          '02:42:0a:09:00:63',
          'dev',
          vxlan,
          'dst',
          '192.0.2.2',
          'self',
          'permanent',
        ),
      says: () => [`fdb entry 02:42:0a:09:00:63 of ${vxlan} should not be there: to 192.0.2.2`],
    },
    "the bridge's FDB entry": {
      breaks: () => host('bridge', 'fdb', 'del', mac, 'dev', vxlan, 'master'),
      says: () => [`bridge fdb entry ${mac} of ${vxlan} is missing; it should be: static`],
    },
    'a neighbour': {
      breaks: () => host('ip', 'neigh', 'del', address, 'dev', vxlan),
      says: () => [`neighbour ${address} of ${vxlan} is missing; it should be: ${mac}`],
    },
    'the vxlan device': {
      breaks: () => host('ip', 'link', 'del', vxlan),
      says: () => [
        `device ${vxlan} is missing; it should be: vxlan id 8388608 from 192.0.2.1 port 4789, mtu 1450, in ${bridge}, up`,
        `bridge fdb entry ${mac} of ${vxlan} is missing; it should be: static`,
        `fdb entry ${mac} of ${vxlan} is missing; it should be: to 192.0.2.2`,
        `neighbour ${address} of ${vxlan} is missing; it should be: ${mac}`,
      ],
    },
    'a device that is down': {
      breaks: () => host('ip', 'link', 'set', vxlan, 'down'),
      says: () => [
        expect.stringMatching(`^device ${vxlan} is: vxlan .*, down; it should be: vxlan .*, up$`),
        expect.stringContaining(`neighbour ${address} of ${vxlan} is missing`),
      ],
    },
    'the bridge': {
      breaks: () => host('ip', 'link', 'del', bridge),
      says: () => [
        `device ${bridge} is missing; it should be: bridge 10.9.0.1/24, mtu 1450, mac 02:42:0a:09:00:01, up`,
        expect.stringContaining(`device ${vxlan} is: vxlan`),
        expect.stringContaining(`bridge fdb entry ${mac} of ${vxlan} is missing`),
        expect.stringMatching(
          `^device fl${tag}[0-9a-f]{9} is: port of no bridge, up; it should be: port of ${bridge}, up$`,
        ),
      ],
    },
    "a container's interface": {
      breaks: () => inside('ip', 'link', 'del', 'eth0'),
      says: () => [
        expect.stringMatching(`^device fl${tag}[0-9a-f]{9} is missing; it should be: port of ${bridge}, up$`),
        'interface eth0 of container c1 is missing; it should be: 10.9.0.2/24, mac 02:42:0a:09:00:02, up',
        'IPv4 default route of container c1 is missing; it should be: via 10.9.0.1',
      ],
    },
    "a container's default route": {
      breaks: () => inside('ip', 'route', 'del', 'default'),
      says: () => ['IPv4 default route of container c1 is missing; it should be: via 10.9.0.1'],
    },
    'the firewall': {
      breaks: () => host('nft', 'delete', 'table', 'inet', `fairlead_${tag}`),
      says: () => ['firewall: the whole table is missing; it should be: one rule'],
    },
    'a rule of the firewall': {
      breaks: async () => {
        const listed = await host('nft', '-a', 'list', 'chain', 'inet', `fairlead_${tag}`, 'forward');
        const [, handle = ''] = /iifname @internal drop # handle (\d+)/.exec(listed) ?? [];
        await host('nft', 'delete', 'rule', 'inet', `fairlead_${tag}`, 'forward', 'handle', handle);
      },
      says: () => ['firewall: chain forward: iifname @internal drop is missing; it should be: one rule'],
    },
  };

  for (const [what, { breaks, says }] of Object.entries(cases)) {
    it(`names and repairs ${what}`, async () => {
      await breaks();
      const said = await texts('multihost');
      // Repaired in any case, so that one failure does not make all that follow fail.
      expect((await findings('multihost', '--repair')).every(({ repaired }) => repaired)).toBe(true);
      expect(said).toEqual(says());
      expect(await findings()).toEqual([]);
      expect(await rig.pings(here, 's2')).toBe(true);
      expect(await rig.pings(there, 's1')).toBe(true);
    });
  }

  it('prints one line for each, and says so with its exit code', async () => {
    const forget = () => host('ip', 'neigh', 'del', address, 'dev', vxlan);
    await forget();
    const sick = await rig.cluster.daemon(1).run('fairlead', 'doctor');
    expect(sick.stdout).toMatch(
      new RegExp(
        `^multihost: neighbour ${address} of ${vxlan} is missing; it should be: ${mac}\n\\d+ checked, 1 wrong\n$`,
      ),
    );
    expect(sick.code).toBe(1);
    // The reconcile of every minute may have healed it meanwhile.
    await forget().catch(() => undefined);
    const healed = await rig.cluster.daemon(1).run('fairlead', 'doctor', '--repair');
    expect(healed.stdout).toMatch(/ \(repaired\)\n\d+ checked, all as it should be\n$/);
    expect(healed.code).toBe(0);
  });

  it('has nothing to say of what the reconcile of every minute has healed', async () => {
    // The minute may be over in the midst of it.
    await until('it is broken', async () => {
      for (const what of ['an FDB entry', 'a neighbour', 'the bridge', 'the firewall'])
        await cases[what]?.breaks().catch(() => {});
      return !(await rig.pings(here, 's2'));
    });
    await until(
      'all is healed',
      () => findings(),
      (left) => left.length === 0,
      75_000,
    );
    expect(await rig.pings(here, 's2')).toBe(true);
  });
});
