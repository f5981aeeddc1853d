import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

const range = (count: number) => Array.from({ length: count }, (_, i) => i);

describe('many clients at once', () => {
  it('20 that create one network: one success, 19 clear conflicts', async () => {
    await using daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none'],
    });
    const ran = await Promise.all(range(20).map(() => daemon.run('docker', 'network', 'create', 'same')));
    const won = ran.filter(({ code }) => code === 0);
    expect(won.map(({ stdout }) => stdout)).toEqual([expect.stringMatching(/^[0-9a-f]{64}\n$/)]);
    expect(ran.filter(({ code }) => code !== 0)).toEqual(
      range(19).map(() => ({
        code: 1,
        stdout: '',
        stderr: 'Error response from daemon: network with name same already exists\n',
      })),
    );
  });

  it('200 attaches: 200 different addresses, each reachable', { timeout: 300_000 }, async () => {
    await using host = await TestHost.create();
    await using daemon = await TestDaemon.start({ namespace: host.path, flags: ['--dataplane', 'linux'] });
    await daemon.ok('network', 'create', 'foo');
    await daemon.ok('service', 'publish', '--shared', 'many.foo');
    const [{ id }] = z
      .tuple([z.object({ id: z.string() })])
      .parse(JSON.parse((await daemon.call('GET', '/v1.23/services?ref=many.foo')).text));
    const names = range(200).map((i) => `c${i}`);
    const started = await Promise.all(
      names.map(async (name) => {
        await daemon.call('POST', `/containers/create?name=${name}`, { Image: 'x' });
        return await daemon.call('POST', `/containers/${name}/start`);
      }),
    );
    expect(started.filter(({ status }) => status !== 204)).toEqual([]);
    const attached = await Promise.all(
      names.map((name) => daemon.call('POST', `/v1.23/services/${id}/backend`, { container_id: name })),
    );
    expect(attached.filter(({ status }) => status !== 200)).toEqual([]);
    const [{ providers }] = z
      .tuple([z.object({ providers: z.array(z.object({ ipv4: z.string() })) })])
      .parse(JSON.parse((await daemon.call('GET', '/v1.23/services?ref=many.foo')).text));
    const addresses = new Set(providers.map(({ ipv4 }) => ipv4.split('/')[0] ?? ''));
    expect(addresses.size).toBe(200);
    await daemon.ok('run', '-d', '--name', 'asker', '--net', 'foo', 'x');
    for (const address of [...addresses].slice(0, 200).filter((_, i) => i % 20 === 0)) {
      expect((await daemon.run('fairlead', 'exec', 'asker', 'ping', '-c1', '-W2', address)).code).toBe(0);
    }
  });
});
