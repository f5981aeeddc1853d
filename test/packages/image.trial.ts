import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { type Engine, startEngine } from '../rig/dockerd.ts';
import { serverCache } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { built, imageFile } from './built.ts';

async function docker(engine: Engine, ...words: readonly string[]): Promise<string> {
  const program = join(serverCache, 'docker.io/usr/bin/docker');
  const { code, stdout, stderr } = await runToEnd([program, '-H', engine.host, ...words]);
  if (code !== 0) throw new Error(`docker ${words.join(' ')}: exit code ${code}: ${stderr}${stdout}`);
  return stdout;
}

/** @returns the tag of its version */
async function load(engine: Engine, file: string): Promise<string> {
  const loaded = await docker(engine, 'load', '-i', file);
  expect(loaded).toMatch(/Loaded image: fairlead:latest/);
  return /Loaded image: (fairlead:\d\S+)/.exec(loaded)?.[1] ?? '';
}

async function started(engine: Engine, ...flags: readonly string[]): Promise<string> {
  await docker(engine, 'run', '-d', '--name', 'fl', ...flags);
  return await until(
    'the daemon',
    () => docker(engine, 'logs', 'fl'),
    (said) => /^ready on/m.test(said),
    60_000,
  );
}

/** What lets packets move (docs/install.md). */
const onHost = [
  ...['--net', 'host', '-v', 'fairlead:/var/lib/fairlead'],
  ...['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'].flatMap((cap) => ['--cap-add', cap]),
  ...['systempaths', 'seccomp', 'apparmor'].flatMap((part) => ['--security-opt', `${part}=unconfined`]),
];

async function hostState({ network }: Engine): Promise<Readonly<Record<string, string>>> {
  const settings = "sysctl -a 2>/dev/null | grep '^net' | grep -v nf_conntrack_count";
  return {
    rules: await network.run('nft', '--stateless', 'list', 'ruleset'),
    links: await network.run('sh', '-c', 'ip link; ip address; ip route show table all; ip rule'),
    settings: await network.run('sh', '-c', settings),
  };
}

const resolved = /^172\.\d+\.0\.2 +db\n$/;

/** With the Engine's FORWARD chain in the same network namespace, whose policy is DROP. */
async function isUsed(engine: Engine): Promise<void> {
  const inside = (...words: readonly string[]) => docker(engine, 'exec', 'fl', 'fairlead', 'exec', ...words);
  expect(await inside('c2', 'getent', 'hosts', 'db')).toMatch(resolved);
  expect(await inside('c2', 'ping', '-qc1', 'db')).toContain('1 received, 0% packet loss');
}

describe('the image', () => {
  it('is loaded by an Engine, and works without packets', async () => {
    await using engine = await startEngine();
    await load(engine, await built(imageFile));
    const fairlead = (...words: readonly string[]) => docker(engine, 'exec', 'fl', 'fairlead', ...words);
    expect(await started(engine, 'fairlead')).toMatch(/: simulated mode \(no packets will move: /);
    await fairlead('network', 'create', 'foo');
    await fairlead('run', '-d', '--name', 'c1', '--publish-service', 'db.foo', 'web');
    await fairlead('run', '-d', '--name', 'c2', '--net', 'foo', 'web');
    expect(await fairlead('probe', 'c2', 'db')).toMatch(
      /^db for c2: answered \(NOERROR\)\n {2}172\.18\.0\.2 on foo/,
    );
  });

  it('works with packets; a newer one brings its containers up again; removed, it leaves nothing', async () => {
    await using engine = await startEngine();
    const fairlead = (...words: readonly string[]) => docker(engine, 'exec', 'fl', 'fairlead', ...words);
    const older = await load(engine, await built(imageFile, 'before'));
    const before = await hostState(engine);
    expect(await started(engine, ...onHost, older)).toMatch(/: sandbox (mode|way) \(/);
    await fairlead('network', 'create', 'foo');
    await fairlead('run', '-d', '--restart', 'always', '--name', 'c1', '--publish-service', 'db.foo', 'web');
    await fairlead('run', '-d', '--restart', 'always', '--name', 'c2', '--net', 'foo', 'web', 'sleep', '600');
    expect(await fairlead('exec', 'c2', 'getent', 'hosts', 'db')).toMatch(resolved);

    const newer = await load(engine, await built(imageFile));
    expect(newer).not.toBe(older);
    await docker(engine, 'stop', 'fl');
    await docker(engine, 'rm', 'fl');
    await started(engine, ...onHost, newer);
    await until(
      'the containers',
      () => fairlead('ps', '-q'),
      (ids) => ids.split('\n').length === 3,
    );
    await isUsed(engine);

    // The daemon is process 1: what was executed beside it ends with it.
    await expect(fairlead('uninstall', '--force')).rejects.toThrow('exit code 137: stopped 2 containers');
    expect(await docker(engine, 'wait', 'fl')).toBe('0\n');
    await docker(engine, 'rm', '-v', 'fl');
    await docker(engine, 'volume', 'rm', 'fairlead');
    await docker(engine, 'rmi', older, newer, 'fairlead:latest');
    expect(await hostState(engine)).toEqual(before);
    expect(await docker(engine, 'system', 'df', '--format', '{{.Type}} {{.TotalCount}}')).toContain(
      'Images 1\n',
    );
  });
});
