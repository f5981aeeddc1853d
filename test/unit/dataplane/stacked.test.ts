import { describe, expect, test } from 'vitest';
import type { Exec } from '../../../src/dataplane/linux/exec.ts';
import { ensureParent, lacks } from '../../../src/dataplane/linux/links/parents.ts';
import { plugStacked } from '../../../src/dataplane/linux/links/stacked.ts';
import { withoutSessions } from '../../../src/dataplane/linux/linux-host.ts';

/** A kernel that knows these device types, as `ip` tells of it; what it was asked to do is kept. */
function kernel(...types: string[]) {
  const done: string[] = [];
  const exec: Exec = async (argv, { input = '' } = {}) => {
    const lines = input.split('\n').filter((line) => line !== '');
    for (const [i, line] of lines.entries()) {
      const type = / type (\w+)/.exec(line)?.[1];
      if (type !== undefined && ![...types, 'bridge'].includes(type)) {
        const stderr = `Error: Unknown device type.\nCommand failed -:${i + 1}\n`;
        return { code: 1, stdout: '', stderr };
      }
      done.push(line);
    }
    const isThere = argv.includes('show') ? { code: 1, stderr: 'Device "x" does not exist.' } : {};
    return { code: 0, stdout: '', stderr: '', ...isThere };
  };
  return { host: withoutSessions(exec), done };
}

describe('what a kernel lacks', () => {
  test.each([
    ['macvlan', 'CONFIG_MACVLAN'],
    ['ipvlan', 'CONFIG_IPVLAN'],
    ['vlan', 'CONFIG_VLAN_8021Q'],
    ['isolated', 'CONFIG_DUMMY'],
  ] as const)('%s is named with what it would be configured with', async (kind, option) => {
    const reason = await lacks(kernel().host, kind);
    expect(reason).toMatch(/^this kernel has no [^\n]*: Unknown device type\.$/);
    expect(reason).toContain(option);
  });

  test.each([
    ['macvlan', 'macvlan'],
    ['ipvlan', 'ipvlan'],
    ['vlan', 'vlan'],
    ['isolated', 'dummy'],
    ['isolated', 'ifb'],
  ] as const)('nothing of %s with %s', async (kind, type) => {
    expect(await lacks(kernel(type).host, kind)).toBeUndefined();
  });
});

describe('a parent', () => {
  const vlan = { kind: 'vlan', name: 'up0.50', parent: 'up0', id: 50 } as const;

  test('is an 802.1q sub-interface with its tag, marked as ours', async () => {
    const { host, done } = kernel('vlan');
    await ensureParent(host, 'a1b2', vlan);
    expect(done.filter((line) => line.startsWith('link'))).toEqual([
      'link add link up0 name up0.50 type vlan id 50',
      'link set dev up0.50 alias fairlead_a1b2',
      'link set dev up0.50 up',
    ]);
  });

  test('that the kernel cannot make is refused', async () => {
    await expect(ensureParent(kernel().host, 'a1b2', vlan)).rejects.toMatchObject({ kind: 'unsupported' });
  });

  test('that leads nowhere is a dummy, or where there is none an ifb', async () => {
    for (const type of ['dummy', 'ifb']) {
      const { host, done } = kernel(type);
      await ensureParent(host, 'a1b2', { kind: 'isolated', name: 'fla1b2p01234567' });
      expect(done[0]).toBe(`link add name fla1b2p01234567 type ${type}`);
    }
  });
});

test('an ipvlan interface is made in its sandbox, with mode and flag', async () => {
  const { host, done } = kernel('ipvlan');
  await plugStacked(host, 'a1b2', 'fla1b2-0123456789ab', {
    name: 'eth0',
    source: {
      kind: 'stacked',
      hostName: 'fla1b2012345678',
      parent: 'up0',
      type: 'ipvlan',
      mode: 'l3s',
      flag: 'vepa',
    },
    addresses: ['10.1.0.2/24'],
    routes: [{ destination: '0.0.0.0/1' }],
  });
  expect(done).toEqual([
    'link add link up0 name eth0 netns fla1b2-0123456789ab type ipvlan mode l3s vepa',
    'link set dev eth0 alias fla1b2012345678',
    'addr replace 10.1.0.2/24 dev eth0',
    'link set dev eth0 up',
    'route replace 0.0.0.0/1 dev eth0',
  ]);
});
