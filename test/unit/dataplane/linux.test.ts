import { describe, expect, test } from 'vitest';
import type { NetworkRules } from '../../../src/dataplane/firewall.ts';
import { probeLinux } from '../../../src/dataplane/linux/available.ts';
import { type Argv, createExec, type Exec, type Outcome, output } from '../../../src/dataplane/linux/exec.ts';
import { dockerUserChanges } from '../../../src/dataplane/linux/firewall/docker-user.ts';
import { renderChanges, renderFirewall } from '../../../src/dataplane/linux/firewall/render.ts';
import { batch, ip, tolerating } from '../../../src/dataplane/linux/ip.ts';
import { type LinuxHost, withoutSessions } from '../../../src/dataplane/linux/linux-host.ts';
import * as names from '../../../src/dataplane/names.ts';

const id = '0123456789abcdef'.repeat(4);

describe('names', () => {
  test('carry the tag and fit the kernel', () => {
    expect(names.sandboxName('a1b2', id)).toBe('fla1b2-0123456789ab');
    expect(names.bridgeName('a1b2', id)).toBe('fla1b2-01234567');
    expect(names.hostEndName('a1b2', id)).toBe('fla1b2012345678');
    expect(names.tableName('a1b2')).toBe('fairlead_a1b2');
    expect([names.bridgeName('a1b2', id), names.hostEndName('a1b2', id)].map((name) => name.length)).toEqual([
      15, 15,
    ]);
  });

  test('are told apart, by kind and by tag', () => {
    expect(names.sandboxOfName('a1b2', 'fla1b2-0123456789ab')).toBe('0123456789ab');
    expect(names.sandboxOfName('a1b3', 'fla1b2-0123456789ab')).toBeUndefined();
    expect(names.isBridgeName('a1b2', 'fla1b2-01234567')).toBe(true);
    expect(names.isBridgeName('a1b2', 'fla1b2012345678')).toBe(false);
    expect(names.isHostEndName('a1b2', 'fla1b2012345678')).toBe(true);
    expect(names.isHostEndName('a1b2', 'fla1b2-01234567')).toBe(false);
    expect(names.vxlanName('a1b2', id)).toBe('fla1b2x01234567');
    const kinds = [names.isVxlanName, names.isHostEndName, names.isBridgeName];
    expect(kinds.map((is) => is('a1b2', 'fla1b2x01234567'))).toEqual([true, false, false]);
    expect(names.isVxlanName('a1b3', 'fla1b2x01234567')).toBe(false);
  });

  test.each(['', '.', '..', 'a/b', 'a b', 'sixteen-letters-', 'a"b', 'a#b', "a'b", 'a\\b', 'a:b'])(
    '%j is no interface name',
    (name) => expect(names.isInterfaceName(name)).toBe(false),
  );
});

function rules(bridge: string, change: Partial<NetworkRules> = {}): NetworkRules {
  return { bridge, subnets: [], internal: false, masquerade: true, icc: true, ...change };
}

describe('the firewall as text', () => {
  const subnets = ['172.18.0.0/16', 'fd00:1::/64'];
  const open = rules('fla1b2-00000001', { subnets, tunnelPort: 4789, vni: 8388608 });
  const internal = rules('fla1b2-00000002', { subnets: ['172.19.0.0/16'], internal: true, icc: false });

  test('is one transaction with each network in sets', () => {
    const text = renderFirewall('a1b2', { networks: [internal, open] });
    expect(text.slice(0, text.indexOf('  chain'))).toBe(`\
table inet fairlead_a1b2
delete table inet fairlead_a1b2
table inet fairlead_a1b2 {
  set bridges { type ifname; elements = { "fla1b2-00000001", "fla1b2-00000002" }; }
  set internal { type ifname; elements = { "fla1b2-00000002" }; }
  set tunnels { type inet_service; elements = { 4789 }; }
  set vnis { typeof @th,96,24; elements = { 8388608 }; }
  set sealed { type inet_service; }
  set within { type ifname . ifname; elements = { "fla1b2-00000001" . "fla1b2-00000001" }; }
  set subnets4 { type ipv4_addr; flags interval; elements = { 172.18.0.0/16, 172.19.0.0/16 }; }
  set subnets6 { type ipv6_addr; flags interval; elements = { fd00:1::/64 }; }
  set masqueraded4 { type ipv4_addr; flags interval; elements = { 172.18.0.0/16 }; }
  set masqueraded6 { type ipv6_addr; flags interval; elements = { fd00:1::/64 }; }
  set apart { type ifname . ifname; elements = { "fla1b2-00000002" . "fla1b2-00000002" }; }
  set unprotected { type nf_proto . ifname; }
  set routed { type nf_proto . ifname; }
  set isolated { type nf_proto . ifname; }
  set trusted { type ifname . ifname; }
  set doors4 { type ipv4_addr . inet_proto . inet_service; }
  set doors6 { type ipv6_addr . inet_proto . inet_service; }
  map anywhere4 { type inet_proto . inet_service : ipv4_addr . inet_service; }
  map published4 { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; }
  map anywhere6 { type inet_proto . inet_service : ipv6_addr . inet_service; }
  map published6 { type ipv6_addr . inet_proto . inet_service : ipv6_addr . inet_service; }
  set nodes4 { type ipv4_addr; }
  set nodes6 { type ipv6_addr; }
  set opened { type nf_proto; }
  set closed { type nf_proto . ifname; }
  set same { type ifname . ifname; }
`);
    expect(text).toContain(`\
  chain forward {
    type filter hook forward priority filter; policy accept;
    iifname != @bridges oifname != @bridges goto transit
    ct state established,related accept
    iifname . oifname @within accept
    iifname @bridges udp dport @tunnels drop
    iifname @internal drop
    oifname @internal drop
    ct status dnat accept comment "published ports"
    iifname . oifname @apart drop
    meta nfproto . oifname @routed goto direct
    iifname @bridges oifname @bridges drop
    iifname @bridges accept
    meta nfproto . oifname @unprotected accept
    iifname . oifname @trusted goto doors
    drop
  }
`);
  });

  test('has rules about IPsec only where a network is encrypted, and then for its port alone', () => {
    const secret = rules('fla1b2-00000003', { subnets: [], tunnelPort: 4793, encrypted: true });
    expect(renderFirewall('a1b2', { networks: [open] })).not.toContain('ipsec');
    const text = renderFirewall('a1b2', { networks: [open, secret] });
    expect(text).toContain('  set tunnels { type inet_service; elements = { 4789, 4793 }; }');
    expect(text).toContain('  set sealed { type inet_service; elements = { 4793 }; }');
    expect(text).toContain('udp dport @sealed meta ipsec missing drop');
    expect(text).toContain('udp dport @sealed rt ipsec missing drop');
    // The first and the last of them change rules, and not only sets.
    expect(renderChanges('a1b2', { networks: [open] }, { networks: [open, secret] })).toBeUndefined();
    const second = { ...secret, bridge: 'fla1b2-00000004' };
    const more = renderChanges('a1b2', { networks: [secret] }, { networks: [secret, second] });
    expect(more).toContain('add element inet fairlead_a1b2 bridges { "fla1b2-00000004" }');
  });

  test('has a published port in the map of its address, or of all of them', () => {
    const bridge = 'br0';
    const port = (address: string, target: string) =>
      ({
        published: { protocol: 'tcp', address, port: 8080 },
        target: { address: target, port: 80 },
        bridge,
      }) as const;
    const ports = [port('0.0.0.0', '172.18.0.2'), port('192.0.2.1', '172.18.0.3'), port('::', 'fd00:1::2')];
    const text = renderFirewall('a1b2', { networks: [open], ports });
    expect(text).toContain(
      'anywhere4 { type inet_proto . inet_service : ipv4_addr . inet_service; elements = { tcp . 8080 : 172.18.0.2 . 80 }; }',
    );
    expect(text).toContain('elements = { 192.0.2.1 . tcp . 8080 : 172.18.0.3 . 80 }; }');
    expect(text).toContain('elements = { tcp . 8080 : fd00:1::2 . 80 }; }');
  });

  test('does not depend on order', () => {
    const one = renderFirewall('a1b2', { networks: [internal, open] });
    expect(renderFirewall('a1b2', { networks: [open, internal] })).toBe(one);
  });

  test('names a subnet within another once, as the wider one', () => {
    const subnets = [
      '10.1.2.0/24',
      '10.1.0.0/16',
      '10.1.0.0/24',
      '10.1.0.0/16',
      '10.2.0.0/24',
      'fd00::/64',
      'fd00::/48',
    ];
    const text = renderFirewall('a1b2', { networks: [rules('br0', { subnets })] });
    expect(text).toContain(
      'set subnets4 { type ipv4_addr; flags interval; elements = { 10.1.0.0/16, 10.2.0.0/24 }; }',
    );
    expect(text).toContain('set subnets6 { type ipv6_addr; flags interval; elements = { fd00::/48 }; }');
  });

  test('is changed by its elements', () => {
    const before = { networks: [open] };
    const both = { networks: [internal, open] };
    const changes = [
      'bridges { "fla1b2-00000002" }',
      'internal { "fla1b2-00000002" }',
      'subnets4 { 172.19.0.0/16 }',
      'apart { "fla1b2-00000002" . "fla1b2-00000002" }',
    ];
    expect(renderChanges('a1b2', before, both)).toEqual(
      changes.map((change) => `add element inet fairlead_a1b2 ${change}`),
    );
    expect(renderChanges('a1b2', both, before)).toEqual(
      changes.map((change) => `delete element inet fairlead_a1b2 ${change}`),
    );
    expect(renderChanges('a1b2', before, { networks: [{ ...open, icc: false }] })).toEqual([
      'delete element inet fairlead_a1b2 within { "fla1b2-00000001" . "fla1b2-00000001" }',
      'add element inet fairlead_a1b2 apart { "fla1b2-00000001" . "fla1b2-00000001" }',
    ]);
    expect(renderChanges('a1b2', before, before)).toEqual([]);
  });

  test('is written anew where elements are not enough', () => {
    const before = { networks: [open] };
    expect(renderChanges('a1b2', { networks: [] }, before)).toBeUndefined();
    expect(renderChanges('a1b2', before, { networks: [] })).toBeUndefined();
    const wider = { networks: [{ ...open, subnets: ['172.16.0.0/12'] }] };
    expect(renderChanges('a1b2', before, wider)).toBeUndefined();
  });

  test('of no networks takes the table away', () => {
    expect(renderFirewall('a1b2', { networks: [] })).toBe(
      'table inet fairlead_a1b2\ndelete table inet fairlead_a1b2\n',
    );
  });

  test('grows by set elements only: 500 networks have the chains of one', () => {
    const many = Array.from({ length: 500 }, (_, i) =>
      rules(`br${i}`, { subnets: [`10.${i >> 8}.${i & 255}.0/24`] }),
    );
    const chains = (networks: NetworkRules[]) => {
      const text = renderFirewall('a1b2', { networks });
      return text.slice(text.indexOf('  chain'));
    };
    expect(chains(many)).toBe(chains([open]));
  });
});

describe('rules for DOCKER-USER', () => {
  const mark = '-m comment --comment fairlead_a1b2';
  const docker = '-P FORWARD DROP\n-N DOCKER-ISOLATION-STAGE-2\n-N DOCKER-USER\n-A DOCKER-USER -j RETURN\n';
  const bridges = ['fla1b2-00000002', 'mine0', 'fla1b2-00000001'];
  const ours = [
    `-A DOCKER-USER -o fla1b2-+ ${mark} -j ACCEPT`,
    `-A DOCKER-USER -i fla1b2-+ ${mark} -j DOCKER-ISOLATION-STAGE-2`,
    `-A DOCKER-USER -i fla1b2-+ ${mark} -j ACCEPT`,
  ];

  test('are none where no Engine is', () => {
    expect(dockerUserChanges('a1b2', bridges, '-P FORWARD ACCEPT\n')).toBeUndefined();
  });

  test('are one pattern for our bridges and one for each that users named', () => {
    expect(dockerUserChanges('a1b2', bridges, docker)?.split('\n')).toEqual([
      '*filter',
      `-I DOCKER-USER 1 -i mine0 ${mark} -j ACCEPT`,
      `-I DOCKER-USER 1 -i mine0 ${mark} -j DOCKER-ISOLATION-STAGE-2`,
      `-I DOCKER-USER 1 -o mine0 ${mark} -j ACCEPT`,
      `-I DOCKER-USER 1 -i fla1b2-+ ${mark} -j ACCEPT`,
      `-I DOCKER-USER 1 -i fla1b2-+ ${mark} -j DOCKER-ISOLATION-STAGE-2`,
      `-I DOCKER-USER 1 -o fla1b2-+ ${mark} -j ACCEPT`,
      'COMMIT',
      '',
    ]);
  });

  test('are left alone when they are right, and go with the last network', () => {
    const listing = `${docker}${ours.join('\n')}\n-A DOCKER-USER -i x ${mark.replace('a1b2', 'ffff')} -j ACCEPT\n`;
    expect(dockerUserChanges('a1b2', ['fla1b2-00000001'], listing)).toBeUndefined();
    const removal = ours.map((rule) => rule.replace('-A', '-D'));
    expect(dockerUserChanges('a1b2', [], listing)).toBe(['*filter', ...removal, 'COMMIT', ''].join('\n'));
  });

  test('stay for bridges that are not known yet', () => {
    const listing = `${docker}${ours.join('\n')}\n`;
    expect(dockerUserChanges('a1b2', [], listing, true)).toBeUndefined();
    const mine = ours.map((rule) => rule.replace('fla1b2-+', 'mine0'));
    const changes = dockerUserChanges('a1b2', ['mine0'], listing, true)?.split('\n') ?? [];
    expect(changes.filter((line) => line.startsWith('-I')).toReversed()).toEqual(
      [...mine, ...ours].map((rule) => rule.replace('-A DOCKER-USER', '-I DOCKER-USER 1')),
    );
    const changed = `${docker}${mine.join('\n')}\n${ours.join('\n')}\n`;
    expect(dockerUserChanges('a1b2', ['mine0'], changed, true)).toBeUndefined();
  });
});

/** Answers every command alike and notes what it was asked. */
function fakeHost(outcome: Partial<Outcome>): { host: LinuxHost; asked: { argv: Argv; input?: string }[] } {
  const asked: { argv: Argv; input?: string }[] = [];
  const exec: Exec = async (argv, { input } = {}) => {
    asked.push({ argv, ...(input === undefined ? {} : { input }) });
    return { code: 0, stdout: '', stderr: '', ...outcome };
  };
  return { host: withoutSessions(exec), asked };
}

describe('ip -batch', () => {
  const commands = [ip`link add name ${'a'} type bridge`, tolerating(/No such/, ip`route del ${'::/0'}`)];

  test('is one process in the namespace', async () => {
    const { host, asked } = fakeHost({});
    await batch(host, commands.slice(0, 1), 'ns1');
    await batch(host, commands);
    await batch(host, []);
    expect(asked).toEqual([
      { argv: ['ip', '-n', 'ns1', '-batch', '-'], input: 'link add name a type bridge\n' },
      { argv: ['ip', '-force', '-batch', '-'], input: 'link add name a type bridge\nroute del ::/0\n' },
    ]);
  });

  test('names the line that failed and what was said of it', async () => {
    const { host } = fakeHost({ code: 1, stderr: 'RTNETLINK answers: File exists\nCommand failed -:1\n' });
    await expect(batch(host, commands)).rejects.toMatchObject({
      kind: 'internal',
      message: 'ip link add name a type bridge: RTNETLINK answers: File exists',
    });
  });

  test('passes over what the command tolerates, and nothing else', async () => {
    const tolerated = fakeHost({
      code: 1,
      stderr: 'RTNETLINK answers: No such process\nCommand failed -:2\n',
    });
    await expect(batch(tolerated.host, commands)).resolves.toBeUndefined();
    const other = fakeHost({
      code: 1,
      stderr: 'RTNETLINK answers: Operation not permitted\nCommand failed -:2\n',
    });
    await expect(batch(other.host, commands)).rejects.toThrow(
      'ip route del ::/0: RTNETLINK answers: Operation not',
    );
    const early = fakeHost({
      code: 1,
      stderr: 'Cannot open network namespace "x": No such file or directory\n',
    });
    await expect(batch(early.host, commands, 'x')).rejects.toThrow(
      'ip -batch -: Cannot open network namespace "x"',
    );
  });

  test.each(['a b', 'a\nb', "a'", '"a"', '#a', '\\', ''])('%j cannot be smuggled in', (value) => {
    expect(() => ip`link del dev ${value}`).toThrow('cannot be an argument of ip');
  });
});

describe('a process', () => {
  const exec = createExec();

  test('gets its input and gives its output', async () => {
    expect(await exec(['cat'], { input: 'a\nb' })).toEqual({ code: 0, stdout: 'a\nb', stderr: '' });
  });

  test('that fails explains itself: reason, command, stderr', async () => {
    await expect(output({ exec }, ['cat', '/nonexistent/file'])).rejects.toMatchObject({
      kind: 'internal',
      message:
        'command failed with exit code 1: cat /nonexistent/file: cat: /nonexistent/file: No such file or directory',
    });
  });

  test('that is not installed says so', async () => {
    await expect(output({ exec }, ['fairlead-no-such-program'])).rejects.toThrow(
      'cannot run fairlead-no-such-program: it is not installed',
    );
  });

  test('that hangs is ended', async () => {
    expect(await exec(['sleep', '30'], { timeout: 50 })).toMatchObject({ code: 137 });
  });

  test('that does not read its input is no failure', async () => {
    expect(await exec(['true'], { input: 'x'.repeat(1 << 20) })).toMatchObject({ code: 0 });
  });
});

describe('the probe', () => {
  const missing = (program: string): Exec => {
    return async (argv) => {
      if (argv[0] === program) throw new Error(`cannot run ${program}: it is not installed`);
      return { code: 0, stdout: '', stderr: '' };
    };
  };

  test('names what to install', async () => {
    const root = process.platform === 'linux' && process.getuid?.() === 0;
    const reason = root
      ? 'cannot run nft: it is not installed: install nftables'
      : expect.stringMatching(/Linux|root/);
    expect(await probeLinux(withoutSessions(missing('nft')))).toEqual({ ok: false, reason });
  });
});
