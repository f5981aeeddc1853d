import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { program } from '../../../../src/cli/commands/program.ts';
import { meanings, operandsOf } from '../../../../src/cli/completion/operands.ts';
import { dokku } from '../../../../src/cli/dokku.ts';
import { type Group, isGroup } from '../../../../src/cli/program.ts';
import { daemon as daemonCommand } from '../../../../src/daemon/command.ts';
import { fake as fakeCommand } from '../../../../src/testing/command.ts';
import { FakeDaemon, runCli, testShell } from '../../../rig/cli.ts';

const id = (digit: string) => digit.repeat(64);
const network = (Name: string) => ({ Id: id('a'), Name, Created: '', Driver: 'bridge' });

let fake: FakeDaemon;
beforeEach(async () => {
  fake = await FakeDaemon.start();
  fake
    .on('GET /networks', { json: [network('bridge'), network('foo')] })
    .on('GET /containers/json', { json: [{ Id: id('c'), Names: ['/web'], Image: 'x', Created: 0 }] })
    .on('GET /apps', { json: [{ name: 'blog', scale: { web: 2 } }] })
    .on('GET /v1.23/services', { json: [{ id: id('5'), name: 'db', network: 'foo' }] });
});
afterEach(() => fake[Symbol.asyncDispose]());

/** The values, and the directives. */
const asked = async (...words: string[]) => {
  const { code, stdout, stderr } = await fake.run('__complete', ...words);
  expect([code, stderr]).toEqual([0, '']);
  return stdout.split('\n').map((line) => line.split('\t')[0]);
};

describe('what a shell is answered', () => {
  it("is in cobra's protocol, with notes or without", async () => {
    expect((await fake.run('__complete', 'network', 'rm', 'f')).stdout).toBe('foo\tbridge, local\n:4\n');
    expect((await fake.run('__completeNoDesc', 'network', 'rm', 'f')).stdout).toBe('foo\n:4\n');
  });

  it.each([
    [['serv'], ['service', ':4', '']],
    [
      ['service', 'un'],
      ['unpublish', ':4', ''],
    ],
    [
      ['SERVICE', 'UN'],
      ['unpublish', ':4', ''],
    ],
    [
      ['help', 'service', 'un'],
      ['unpublish', ':4', ''],
    ],
    [
      ['nothing', ''],
      [':4', ''],
    ],
    [
      ['-H', ''],
      ['tcp://', 'unix:///', ':6', ''],
    ],
    [['--ho'], ['--host', ':4', '']],
    [
      ['-H', 'unix:///x', 'node', ''],
      ['ls', ':4', ''],
    ],
    [
      ['network', 'rm', ''],
      ['bridge', 'foo', ':4', ''],
    ],
    [
      ['network', 'rm', 'foo', ''],
      ['bridge', ':4', ''],
    ],
    [
      ['network', 'connect', ''],
      ['bridge', 'foo', ':4', ''],
    ],
    [
      ['network', 'connect', 'foo', ''],
      ['web', ':4', ''],
    ],
    [
      ['network', 'connect', 'foo', 'web', ''],
      [':4', ''],
    ],
    [
      ['network', 'connect', '--link', ''],
      ['web', ':4', ''],
    ],
    [
      ['network', 'connect', '--link=w'],
      ['web', ':4', ''],
    ],
    [
      ['network', 'create', ''],
      [':4', ''],
    ],
    [
      ['network', 'create', '--scope', 'g'],
      ['global', ':4', ''],
    ],
    [
      ['network', 'create', '--opt', 'com.docker.network.bridge.enable_icc='],
      ['com.docker.network.bridge.enable_icc=true', 'com.docker.network.bridge.enable_icc=false', ':4', ''],
    ],
    [
      ['network', 'ls', '-f', 'dri'],
      ['driver=', ':6', ''],
    ],
    [
      ['network', 'ls', '-qf', 'dri'],
      ['driver=', ':6', ''],
    ],
    [
      ['network', 'ls', '--q'],
      ['--quiet', ':4', ''],
    ],
    [
      ['network', 'ls', '--quiet', '--q'],
      [':4', ''],
    ],
    [
      ['service', 'ls', '-net', 'f'],
      ['foo', ':4', ''],
    ],
    [
      ['service', 'attach', 'web', ''],
      ['db.foo', ':4', ''],
    ],
    [
      ['service', 'publish', ''],
      [':4', ''],
    ],
    [
      ['service', 'publish', 'x.f'],
      ['x.foo', ':4', ''],
    ],
    // Behind the image the words are the container's.
    [
      ['run', '--publish-service', 'x.f'],
      ['x.foo', ':4', ''],
    ],
    [
      ['run', 'image', '--ne'],
      [':4', ''],
    ],
    [
      ['exec', 'web', '-'],
      [':4', ''],
    ],
    [
      ['network', 'rm', '--', '-'],
      [':4', ''],
    ],
    [
      ['run', '--env-file', ''],
      [':0', ''],
    ],
    [
      ['run', '-v', ''],
      [':16', ''],
    ],
    [
      ['network', 'ls', '--bogus', ''],
      [':4', ''],
    ],
    [
      ['completion', ''],
      ['bash', 'fish', 'zsh', ':4', ''],
    ],
    [
      ['fake', '--log-level', ''],
      ['debug', 'info', 'warn', 'error', 'silent', ':4', ''],
    ],
    [
      ['fake', '--socket', ''],
      [':0', ''],
    ],
    [
      ['completion', 'zsh', 'do'],
      ['docker', 'dokku', ':4', ''],
    ],
    [
      ['app', 'set', 'blog', 'initial-network', 'f'],
      ['foo', ':4', ''],
    ],
  ])('%j', async (words, answer) => {
    expect(await asked(...words)).toEqual(answer);
  });

  it.each([
    [['network:de'], ['network:destroy', ':4', '']],
    [
      ['--quiet', 'network:de'],
      ['network:destroy', ':4', ''],
    ],
    [
      ['network:set', ''],
      ['blog', ':4', ''],
    ],
    [
      ['network:set', '--g'],
      ['--global', ':4', ''],
    ],
    [
      ['network:set', '--global', 'tl'],
      ['tld', ':4', ''],
    ],
    [
      ['network:set', 'blog', 'initial-network', 'f'],
      ['foo', ':4', ''],
    ],
    [
      ['network:report', '--format', ''],
      ['stdout', 'json', ':4', ''],
    ],
    [
      ['ps:set', 'blog', 'web', '--im'],
      ['--image', ':4', ''],
    ],
    [
      ['unknown', ''],
      [':4', ''],
    ],
  ])('of dokku: %j', async (words, answer) => {
    const { shell, written } = testShell({ program: 'dokku', host: fake.host });
    expect(await dokku(['__complete', ...words], shell)).toBe(0);
    expect(written.stdout.split('\n').map((line) => line.split('\t')[0])).toEqual(answer);
  });

  it('has no names of a daemon that is away, fails or takes its time; and says nothing of it', async () => {
    const silent = { code: 0, stdout: ':4\n', stderr: '' };
    const words = ['__complete', 'network', 'rm', ''];
    expect(await runCli(words, { host: 'unix:///nonexistent/d.sock' })).toEqual(silent);
    expect(await runCli(words, { host: 'no host' })).toEqual(silent);
    fake.on('GET /networks', { status: 500, json: { message: 'broken' } });
    expect(await fake.run(...words)).toEqual(silent);
    const hung = createServer();
    const path = `${fake.folder}/hung`;
    await new Promise<void>((resolve) => hung.listen(path, resolve));
    const since = performance.now();
    expect(await runCli(words, { host: `unix://${path}` })).toEqual(silent);
    expect(performance.now() - since).toBeLessThan(2000);
    hung.close();
  });
});

async function synopses(group: Group): Promise<readonly string[]> {
  const found = Object.values(group.members).map(async (member) =>
    isGroup(member) ? await synopses(member) : [(await member.load()).text.synopsis],
  );
  return (await Promise.all(found)).flat();
}

it('every word of a synopsis has a meaning', async () => {
  const all = await synopses(
    program({ loadDaemon: async () => daemonCommand, loadFake: async () => fakeCommand }),
  );
  const words = all.filter((text) => text !== '').flatMap((text) => operandsOf(text).map(({ word }) => word));
  expect([...new Set(words)].filter((word) => !Object.hasOwn(meanings, word))).toEqual([]);
});
