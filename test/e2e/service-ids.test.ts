import { describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';

/** As in 2015, a service's id stands for its name, with its network or without (docker-facts 1.4). */
describe.each(['full', 'short'])('docker service, by the %s id of a service', (length) => {
  it('shows, attaches, detaches and unpublishes ID.NETWORK', async () => {
    await using daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none'],
    });
    const docker = (...words: string[]) => daemon.run('docker', ...words);
    await docker('network', 'create', 'foo');
    await docker('network', 'create', 'bar');
    await docker('run', '-d', '--name', 'c1', 'web');
    const id = (await docker('service', 'publish', 'db.foo')).stdout.trim();
    const reference = `${length === 'short' ? id.slice(0, 12) : id}.foo`;
    const done = { code: 0, stderr: '' };

    expect(await docker('service', 'info', reference)).toEqual({
      ...done,
      stdout: expect.stringContaining(`Service Id: ${id}\n\tName: db\n\tNetwork: foo\n`),
    });
    expect(await docker('service', 'attach', 'c1', reference)).toMatchObject(done);
    expect((await docker('service', 'ls')).stdout).toMatch(/db +foo +[0-9a-f]{12}$/m);
    expect(await docker('service', 'info', reference.replace('.foo', '.bar'))).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^Error response from daemon: .*\n$/),
    });
    expect((await docker('service', 'unpublish', reference)).code).toBe(1);
    expect(await docker('service', 'detach', 'c1', reference)).toMatchObject(done);
    expect(await docker('service', 'unpublish', reference)).toMatchObject(done);
    expect((await docker('service', 'ls', '-q')).stdout).toBe('');
  });
});
