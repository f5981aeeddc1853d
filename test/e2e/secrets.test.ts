import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startConsul } from '../rig/consul.ts';
import { TestDaemon } from '../rig/daemon.ts';
import { until } from '../rig/until.ts';

const secret = 'flt-secret-7c1e';

/** Everything that the daemon shows of itself, with the store there or away, to whoever looks. */
async function shown(daemon: TestDaemon): Promise<string> {
  const parts = [await readFile(`/proc/${daemon.pid}/cmdline`, 'utf8'), await daemon.ok('info')];
  for (const path of ['/info', '/metrics', '/fairlead/nodes', '/networks', '/events?until=1'])
    parts.push((await daemon.call('GET', path)).text);
  parts.push((await daemon.call('POST', '/networks/create', { Name: 'g', Driver: 'overlay' })).text);
  return [...parts, daemon.output].join('\n');
}

function start(store: string, ...options: readonly string[]): Promise<TestDaemon> {
  const flags = ['--dataplane', 'simulated', '--dns-listen', 'none', '--log-level', 'trace'];
  const opts = options.flatMap((option) => ['--kv-store-opt', option]);
  return TestDaemon.start({ flags: [...flags, '--kv-store', store, ...opts] });
}

describe('secrets of --kv-store-opt', () => {
  it('a Consul token that is right, and one that is wrong, are shown nowhere', async () => {
    await using consul = await startConsul({ masterToken: secret });
    await using right = await start(consul.url, `token=${secret}`);
    await until(
      'it joins',
      async () => (await right.call('GET', '/fairlead/nodes')).text,
      (text) => text.length > 3,
    );
    const seen = await shown(right);
    expect(seen).toContain('--kv-store-opt token=***');
    expect(seen).not.toContain(secret);

    await using wrong = await start(consul.url, `kv.token=${secret}-wrong`);
    await until(
      'it is refused',
      () => shown(wrong),
      (text) => text.includes('permission denied'),
    );
    expect(await shown(wrong)).not.toContain(secret);
  });

  it.each(['etcd', 'zookeeper'])('a password for %s that is away is shown nowhere', async (provider) => {
    await using daemon = await start(`${provider}:127.0.0.1:1`, 'user=fairlead', `password=${secret}`);
    const seen = await until(
      'it notices',
      () => shown(daemon),
      (text) => text.includes('unreachable since'),
    );
    expect(seen).toContain('password=***');
    expect(seen).not.toContain(secret);
  });
});
