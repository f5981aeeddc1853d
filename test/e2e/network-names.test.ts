import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start({ flags: ['--dataplane', 'simulated', '--dns-listen', 'none'] });
});
afterAll(() => daemon[Symbol.asyncDispose]());

async function create(name: string): Promise<{ Id: string; Warning: string }> {
  const { status, text } = await daemon.call('POST', '/networks/create', { Name: name });
  expect(status, text).toBe(201);
  return JSON.parse(text);
}

/** Engine 28.5.2 makes a network of each, and each is found by its name. */
const odd = [
  ...[
    'test 01',
    ' lead',
    'trail ',
    'a/b',
    '../networks',
    '..',
    '.',
    'com.',
    'ü',
    'a%2Fb',
    'a?b#c',
    '*',
    '😀',
  ],
  ...[
    '-rm',
    'x'.repeat(64),
    'f'.repeat(64),
    'e'.repeat(77),
    'ö'.repeat(500),
    '$(id)',
    '{{.Id}}',
    'a:b',
    'a,b',
  ],
  ...['__proto__', 'constructor', 'container:x', '\\', '"'],
];

describe('network names are those of the Engine', () => {
  it.each(odd)('%j: made, found, listed, used, removed', async (name) => {
    const { Id, Warning } = await create(name);
    const isDnsName = ['__proto__', 'constructor'].includes(name);
    expect(Warning).toMatch(
      isDnsName ? /^$/ : new RegExp(`cannot be in DNS \\(.+\\): .* with \\.${Id.slice(0, 12)}$`),
    );
    const [path, find] = [encodeURIComponent(name), (text: string) => JSON.parse(text)];
    expect(find((await daemon.call('GET', `/networks/${path}`)).text)).toMatchObject({ Id, Name: name });
    const spec = { Image: 'x', HostConfig: { NetworkMode: Id } };
    const { text: made } = await daemon.call('POST', '/containers/create?name=user', spec);
    await daemon.call('POST', '/containers/user/start');
    const inspected = find((await daemon.call('GET', '/containers/user/json')).text);
    expect(Object.keys(inspected.NetworkSettings.Networks)).toEqual([name]);
    expect(find((await daemon.call('GET', `/networks/${path}`)).text).Containers).toHaveProperty(
      find(made).Id,
    );
    await daemon.call('DELETE', '/containers/user?force=1');
    expect(await daemon.call('DELETE', `/networks/${path}`)).toEqual({ status: 204, text: '' });
    expect(await daemon.ok('network', 'ls', '--format', '{{.Name}}')).toBe('bridge\nhost\nnone');
  });

  it('tells a name of 64 hexadecimal digits from an id', async () => {
    const { Id } = await create('first');
    const other = await create(Id);
    expect(JSON.parse((await daemon.call('GET', `/networks/${Id}`)).text)).toMatchObject({
      Id,
      Name: 'first',
    });
    expect(await daemon.ok('network', 'rm', Id, other.Id)).toBe(`${Id}\n${other.Id}`);
  });

  it('warns on standard error, and prints the id alone on standard output', async () => {
    const made = await daemon.run('docker', 'network', 'create', 'test 01');
    expect(made).toMatchObject({ code: 0, stdout: expect.stringMatching(/^[0-9a-f]{64}\n$/) });
    expect(made.stderr).toBe(
      'WARNING: network name "test 01" cannot be in DNS (use letters, digits, "_", "-" and ".", beginning and ending ' +
        `with a letter or digit): names on it resolve alone, or with .${made.stdout.slice(0, 12)}\n`,
    );
    await daemon.ok('network', 'rm', 'test 01');
  });

  it('has services, which resolve alone and with the short id', async () => {
    const { Id } = await create('test 01');
    for (const name of ['client', 'server'])
      await daemon.ok('run', '-d', '--name', name, '--net', 'test 01', 'x');
    await daemon.ok('service', 'publish', 'db.test 01');
    await daemon.ok('service', 'attach', 'server', 'db.test 01');
    const probe = async (name: string) => {
      const { code, stdout } = await daemon.run('fairlead', 'probe', 'client', name);
      return { code, isServers: stdout.includes('service db') };
    };
    expect(await probe('db')).toEqual({ code: 0, isServers: true });
    expect(await probe(`db.${Id.slice(0, 12)}`)).toEqual({ code: 0, isServers: true });
    expect(await probe('db.test 01')).toMatchObject({ isServers: false });
    expect(await daemon.ok('service', 'ls', '--format', '{{.Name}}@{{.Network}}')).toContain('db@test 01');
    expect(await daemon.ok('service', 'detach', 'server', 'db.test 01')).toBe('');
    await daemon.ok('service', 'unpublish', 'db.test 01');
    await daemon.ok('rm', '-f', 'client', 'server');
    expect(await daemon.ok('network', 'prune', '-f')).toBe('Deleted Networks:\ntest 01\n');
  });

  it('takes nobody’s top-level domain with a name like "com."', async () => {
    await create('com.');
    await daemon.ok('run', '-d', '--name', 'client', '--net', 'com.', 'x');
    await daemon.ok('run', '-d', '--name', 'example', '--net', 'com.', 'x');
    const { stdout } = await daemon.run('fairlead', 'probe', 'client', 'example.com');
    expect(stdout).not.toContain('container example');
    await daemon.ok('rm', '-f', 'client', 'example');
    await daemon.ok('network', 'rm', 'com.');
  });

  it.each([
    ['', 'invalid name: name is empty'],
    [' \t', /invalid name: name is empty|control character/],
    ['a\nb', /control character/],
    ['x'.repeat(1025), /longer than 1024 octets/],
  ])('%j is refused', async (name, message) => {
    const { status, text } = await daemon.call('POST', '/networks/create', { Name: name });
    expect(status).toBe(400);
    expect(JSON.parse(text).message).toMatch(message);
  });
});
