import { expect, it } from 'vitest';
import type { Exec } from '../../../../../src/dataplane/linux/exec.ts';
import { firewallObstacles } from '../../../../../src/dataplane/linux/host-firewall/obstacles.ts';

const network = {
  ...{ bridge: 'fl3a07-aae601f4', subnets: ['172.18.0.0/16'], internal: false, masquerade: true, icc: true },
  tunnelPort: 4789,
};

interface Table {
  readonly family: string;
  readonly name: string;
  readonly policy: 'accept' | 'drop';
  readonly hooks: Readonly<Record<string, 'input' | 'forward'>>;
  /** Rules by chain, in nft's JSON. */
  readonly rules: Readonly<Record<string, readonly object[][]>>;
}

/** A host with this one table, as `nft -j` lists it. */
function hostWith({ family, name: table, policy, hooks, rules }: Table): Exec {
  const chains = Object.keys(rules).map((name) => ({
    chain: { family, table, name, ...(hooks[name] ? { type: 'filter', hook: hooks[name], policy } : {}) },
  }));
  const all = Object.entries(rules).flatMap(([chain, list]) =>
    list.map((expr) => ({ rule: { family, table, chain, expr } })),
  );
  return async (argv) => {
    const nftables = argv.includes('chains') ? chains : [...chains, ...all];
    return { code: 0, stdout: JSON.stringify({ nftables }), stderr: '' };
  };
}

const via = (key: string, right: unknown) => ({ match: { op: '==', left: { meta: { key } }, right } });
const accept = { accept: null };
const iptables = {
  family: 'ip',
  name: 'filter',
  policy: 'drop',
  hooks: { INPUT: 'input', FORWARD: 'forward' },
} as const;
const obstacles = (table: Table) => firewallObstacles(hostWith(table), '3a07', [network]);

it('knows ufw by its chains, and speaks its language', async () => {
  const jump = [{ jump: { target: 'ufw-before-input' } }];
  const rules = { INPUT: [jump], FORWARD: [], 'ufw-before-input': [[via('iifname', 'lo'), accept]] };
  expect(await obstacles({ ...iptables, rules })).toEqual([
    "the host's firewall (chain INPUT of table ip filter) drops what containers ask of DNS and what comes through tunnels from other nodes; " +
      'type: ufw allow in on fl3a07-+ to any port 53 && ufw allow 4789/udp',
    "the host's firewall (chain FORWARD of table ip filter) drops what containers send beyond their network and what comes to published ports; " +
      'type: ufw route allow in on fl3a07-+ && ufw route allow out on fl3a07-+',
  ]);
});

it('says nothing where a Docker Engine drops, and our rules in DOCKER-USER accept', async () => {
  const comment = { xt: { type: 'match', name: 'comment' } };
  const ours = ['iifname', 'oifname'].map((key) => [
    via(key, 'fl3a07-*'),
    comment,
    { counter: null },
    accept,
  ]);
  const rules = { FORWARD: [[{ jump: { target: 'DOCKER-USER' } }]], 'DOCKER-USER': ours };
  expect(await obstacles({ ...iptables, rules })).toEqual([]);
});

it('follows the zones of firewalld to their reject', async () => {
  const rules = {
    filter_FORWARD: [
      [{ match: { op: 'in', left: { ct: { key: 'state' } }, right: ['established', 'related'] } }, accept],
      [{ match: { op: 'in', left: { ct: { key: 'status' } }, right: 'dnat' } }, accept],
      [{ jump: { target: 'filter_FORWARD_ZONES' } }],
      [{ reject: { type: 'icmpx', expr: 'admin-prohibited' } }],
    ],
    filter_FORWARD_ZONES: [
      [via('iifname', 'eth0'), { goto: { target: 'zone' } }],
      [{ goto: { target: 'zone' } }],
    ],
    zone: [],
  };
  const hooks = { filter_FORWARD: 'forward' } as const;
  expect(await obstacles({ family: 'inet', name: 'firewalld', policy: 'accept', hooks, rules })).toEqual([
    "the host's firewall (chain filter_FORWARD of table inet firewalld) drops what containers send beyond their network; " +
      'type: firewall-cmd --permanent --zone=trusted --add-interface=fl3a07-+ && firewall-cmd --reload',
  ]);
});

it.each([
  ['the bridge in a set', [via('iifname', { set: ['lo', 'fl3a07-*'] }), accept]],
  [
    'all but one interface',
    [{ match: { op: '!=', left: { meta: { key: 'iifname' } }, right: 'eth9' } }, accept],
  ],
  [
    'the subnet',
    [
      {
        match: {
          op: '==',
          left: { payload: { protocol: 'ip', field: 'saddr' } },
          right: { prefix: { addr: '172.16.0.0', len: 12 } },
        },
      },
      accept,
    ],
  ],
  ['a map', [{ vmap: { key: { meta: { key: 'iifname' } }, data: { set: [['fl3a07-*', accept]] } } }]],
])('sees that %s is accepted', async (_, rule) => {
  const dns = { ...network, internal: true, tunnelPort: undefined };
  const { tunnelPort: _port, ...plain } = dns;
  const table = { ...iptables, hooks: { in: 'input' }, rules: { in: [rule] } } as const;
  expect(await firewallObstacles(hostWith(table), '3a07', [plain])).toEqual([]);
  expect(await firewallObstacles(hostWith({ ...table, rules: { in: [] } }), '3a07', [plain])).toHaveLength(1);
});
