import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { docker } from '../../../../src/cli/docker.ts';
import { FakeDaemon, testShell } from '../../../rig/cli.ts';

let fake: FakeDaemon;
let path = '';
beforeEach(async () => {
  fake = await FakeDaemon.start();
  fake.on('GET /networks', { json: [{ Id: 'a', Name: 'foo', Created: '', Driver: 'bridge' }] });
  path = join(fake.folder, 'bin');
  await mkdir(path);
});
afterEach(() => fake[Symbol.asyncDispose]());

async function realDocker(script: string): Promise<void> {
  const file = join(path, 'docker');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
}

function daemonRuns(mode: 'engine' | 'simulated'): void {
  fake.on('GET /info', { json: { Fairlead: { mode } } });
}

async function asked(words: readonly string[], host = fake.host): Promise<readonly string[]> {
  const { shell, written } = testShell({ host, env: { PATH: path } });
  const unasked = () => Promise.reject(new Error('not asked for'));
  expect(await docker(['__complete', ...words], shell, { loadDaemon: unasked, loadFake: unasked })).toBe(0);
  expect(written.stderr).toBe('');
  return written.stdout.trimEnd().split('\n');
}

/** Says what it was asked. */
const echo = `printf 'asked:%s\\tby the real one\\n' "$*"; echo :4`;
const list = `printf 'build\\tBuild an image\\nnetwork\\tNot ours\\nps\\tNot ours\\n'; echo :4`;

describe('docker completes', () => {
  it('ours first, then what the real docker has; with container commands where there is no Engine', async () => {
    await realDocker(list);
    daemonRuns('engine');
    const beside = await asked(['']);
    expect(beside).toEqual([
      'network\tManage networks',
      'service\tManage services',
      'daemon\tRun the daemon',
      'build\tBuild an image',
      'ps\tNot ours',
      ':4',
    ]);
    daemonRuns('simulated');
    const alone = await asked(['']);
    expect(alone).toEqual(expect.arrayContaining(['network\tManage networks', 'ps\tList containers']));
    expect(alone.filter((line) => line.startsWith('ps'))).toHaveLength(1);
    expect(alone.at(-2)).toBe('build\tBuild an image');
  });

  it.each([
    ['engine', ['network', 'rm', ''], ['foo\tbridge, local', ':4']],
    ['engine', ['service', 'rollback', 'x'], ['asked:__complete service rollback x\tby the real one', ':4']],
    ['engine', ['volume', 'ls', ''], ['asked:__complete volume ls \tby the real one', ':4']],
    ['engine', ['ps', '--a'], ['asked:__complete ps --a\tby the real one', ':4']],
    ['simulated', ['ps', '--al'], ['--all\tShow all containers (default shows just running)', ':4']],
    [
      'engine',
      ['run', '--publish-s'],
      [
        '--publish-service\tPublish this container as a service',
        'asked:__complete run --publish-s\tby the real one',
        ':4',
      ],
    ],
    ['engine', ['run', '--publish-service', 'x.f'], ['x.foo\tbridge, local', ':4']],
    ['engine', ['run', '--publish-service=x.f'], ['x.foo\tbridge, local', ':4']],
    [
      'engine',
      ['run', '--publish-service', 'x.foo', '--na'],
      ['asked:__complete run --na\tby the real one', ':4'],
    ],
  ] as const)('%s: %j', async (mode, words, answer) => {
    await realDocker(echo);
    daemonRuns(mode);
    expect(await asked(words)).toEqual(answer);
  });

  it.each([
    ["printf 'x\\n:0\\n'", ['x', ':0']],
    ["printf ':16\\n'", [':16']],
    ["printf 'x\\n:1\\n'", [':4']],
    ['echo what?', [':4']],
    ['exit 1', [':4']],
  ])('as the real one says: %s', async (script, answer) => {
    await realDocker(script);
    expect(await asked(['build', ''])).toEqual(answer);
  });

  it('nothing where there is neither a real one nor an answer of the daemon in time', async () => {
    const hung = createServer();
    await new Promise<void>((resolve) => hung.listen(join(fake.folder, 'hung'), resolve));
    const since = performance.now();
    expect(await asked(['exec', ''], `unix://${fake.folder}/hung`)).toEqual([':4']);
    expect(performance.now() - since).toBeLessThan(2000);
    hung.close();
  });
});
