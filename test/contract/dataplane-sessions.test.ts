import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { batch, ip } from '../../src/dataplane/linux/ip.ts';
import { ensureNamespace, removeNamespace } from '../../src/dataplane/linux/links/netns.ts';
import { type LinuxHost, openLinuxHost } from '../../src/dataplane/linux/linux-host.ts';
import { BatchProcess } from '../../src/dataplane/linux/sessions/batch-process.ts';
import { TestHost } from '../rig/namespace.ts';

describe('sessions of ip and nft', () => {
  let host: TestHost;
  let linux: LinuxHost;

  beforeAll(async () => {
    host = await TestHost.create();
    linux = openLinuxHost(host.path);
  });

  afterAll(async () => {
    await linux.ip.close();
    await linux.nft.close();
    await host[Symbol.asyncDispose]();
  });

  /** Ours, in the host's namespace, by what they run. */
  function pids(program: string): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && readOrEmpty(`/proc/${name}/comm`).trim() === program)
      .filter((name) => readOrEmpty(`/proc/${name}/stat`).split(') ')[1]?.split(' ')[1] === `${process.pid}`)
      .map(Number);
  }

  test('one does what many would', async () => {
    await batch(linux, [ip`link add name one type bridge`]);
    const [pid] = pids('ip');
    await batch(linux, [ip`link add name two type bridge`, ip`link set dev two up`]);
    expect((await host.linkNames()).toSorted()).toEqual(['one', 'two']);
    expect(pids('ip')).toEqual([pid]);
  });

  test('one does not take a device for another of its name', async () => {
    await batch(linux, [ip`link add name again type bridge`, ip`addr replace 10.9.0.1/24 dev again`]);
    await host.run('ip', 'link', 'del', 'again');
    await host.run('ip', 'link', 'add', 'again', 'type', 'bridge');
    await batch(linux, [
      ip`link add name port master again type veth peer name peer`,
      ip`addr replace 10.9.0.2/24 dev again`,
    ]);
    expect(await host.link('again')).toMatchObject({ addresses: ['10.9.0.2/24'] });
    expect(await host.link('port')).toMatchObject({ master: 'again' });
  });

  test('one that is killed is replaced', async () => {
    for (const pid of pids('ip')) process.kill(pid, 'SIGKILL');
    await batch(linux, [ip`link add name three type bridge`, ip`link set dev three up`]);
    expect(await host.link('three')).toMatchObject({ up: true });
  });

  test('a failure stops the commands and says why', async () => {
    const commands = [
      ip`link add name four type bridge`,
      ip`link add name one type bridge`,
      ip`link set dev four up`,
    ];
    await expect(batch(linux, commands)).rejects.toMatchObject({
      reason: 'RTNETLINK answers: File exists',
      message: 'ip link add name one type bridge: RTNETLINK answers: File exists',
    });
    expect(await host.link('four')).toMatchObject({ up: false });
    await expect(batch(linux, [ip`link set dev absent up`])).rejects.toMatchObject({
      reason: 'Cannot find device "absent"',
    });
  });

  test('one in a sandbox knows what is in it', async () => {
    const name = `${host.name}-s`;
    await ensureNamespace(linux, name);
    try {
      expect(await linux.ip.interfacesIn(name)).toEqual(['lo']);
      await host.run('ip', 'link', 'add', 'outer', 'type', 'veth', 'peer', 'name', 'inner', 'netns', name);
      expect((await linux.ip.interfacesIn(name))?.toSorted()).toEqual(['inner', 'lo']);
    } finally {
      await removeNamespace(linux, name);
    }
    expect(await linux.ip.interfacesIn(name)).toBeUndefined();
    // At once, not when the kernel takes the namespace apart.
    expect(await host.linkNames()).not.toContain('outer');
  });

  test('nft says whether a transaction was carried out', async () => {
    expect(await linux.nft.run(['add table inet t', 'add set inet t s { type ipv4_addr; }'])).toBe(true);
    expect(
      await linux.nft.run(['add element inet t s { 10.0.0.1 }', 'add element inet t absent { 1 }']),
    ).toBe(false);
    expect(await linux.nft.run(['add element inet t s { 10.0.0.2 }'])).toBe(true);
    const said = await host.run('nft', 'list', 'set', 'inet', 't', 's');
    expect(said).toContain('elements = { 10.0.0.2 }');
  });

  test('a program that is missing or ends is not waited for', async () => {
    const dialect = { mark: 'x', complaint: /x$/ };
    const missing = new BatchProcess(['no-such-program'], dialect);
    await expect(missing.ask('x')).rejects.toThrow('no-such-program has ended');
    await missing.end();
    const ending = new BatchProcess(['sh', '-c', 'echo because >&2'], dialect);
    await expect(ending.ask('x')).rejects.toThrow('sh has ended: because');
    await ending.end();
  });
});

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
