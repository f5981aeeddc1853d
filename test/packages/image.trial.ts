import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runToEnd } from '../rig/daemon.ts';
import { type Engine, startEngine } from '../rig/dockerd.ts';
import { serverCache } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { built } from './built.ts';

async function docker(engine: Engine, ...words: readonly string[]): Promise<string> {
  const program = join(serverCache, 'docker.io/usr/bin/docker');
  const { code, stdout, stderr } = await runToEnd([program, '-H', engine.host, ...words]);
  if (code !== 0) throw new Error(`docker ${words.join(' ')}: exit code ${code}: ${stderr}${stdout}`);
  return stdout;
}

async function started(engine: Engine, ...flags: readonly string[]): Promise<string> {
  await docker(engine, 'run', '-d', '--name', 'fl', ...flags, 'fairlead');
  return await until(
    'the daemon',
    () => docker(engine, 'logs', 'fl'),
    (said) => /^ready on/m.test(said),
    60_000,
  );
}

describe('the image', () => {
  it('is loaded by an Engine, and works with and without packets', async () => {
    await using engine = await startEngine();
    const loaded = await docker(engine, 'load', '-i', await built(/-image-amd64\.tar$/));
    expect(loaded).toMatch(/Loaded image: fairlead:latest/);
    const fairlead = (...words: readonly string[]) => docker(engine, 'exec', 'fl', 'fairlead', ...words);

    expect(await started(engine)).toMatch(/: simulated way \(no packets will move: /);
    await fairlead('network', 'create', 'foo');
    await fairlead('run', '-d', '--name', 'c1', '--publish-service', 'db.foo', 'web');
    await fairlead('run', '-d', '--name', 'c2', '--net', 'foo', 'web');
    expect(await fairlead('probe', 'c2', 'db')).toMatch(
      /^db for c2: answered \(NOERROR\)\n {2}172\.18\.0\.2 on foo/,
    );
    await docker(engine, 'rm', '-fv', 'fl');

    const host = [
      '--net',
      'host',
      ...['NET_ADMIN', 'SYS_ADMIN', 'SYS_PTRACE'].flatMap((cap) => ['--cap-add', cap]),
    ];
    for (const part of ['systempaths', 'seccomp', 'apparmor'])
      host.push('--security-opt', `${part}=unconfined`);
    expect(await started(engine, ...host)).toMatch(/: sandbox way \(/);
    await fairlead('network', 'create', 'foo');
    await fairlead('run', '-d', '--name', 'c1', '--publish-service', 'db.foo', 'web');
    await fairlead('run', '-d', '--name', 'c2', '--net', 'foo', 'web', 'sleep', '600');
    expect(await fairlead('exec', 'c2', 'getent', 'hosts', 'db')).toMatch(/^172\.\d+\.0\.2 +db\n$/);
    expect(await fairlead('exec', 'c2', 'ping', '-qc1', 'db')).toContain('1 received, 0% packet loss');
    await docker(engine, 'exec', 'fl', 'fairlead', 'rm', '-f', 'c1', 'c2');
    await docker(engine, 'rm', '-fv', 'fl');
  });
});
