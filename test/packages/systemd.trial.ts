import { describe, expect, it } from 'vitest';
import { built, debFile } from './built.ts';
import { CleanRoot, systemd } from './clean-root.ts';
import { pinging, useSandbox } from './use.ts';

const version = 'fairlead version --format "{{.Server.Version}}"';
const dropIn = '/etc/systemd/system/fairlead.service.d';
const answers = 'for i in $(seq 200); do fairlead ps >/dev/null 2>&1 && exit 0; sleep 0.1; done; exit 1';

/** The same as the .deb's own trial, where systemd is process 1 and starts what the package brings. */
describe('the .deb under systemd', () => {
  it('is started, upgraded, restarted and killed under running containers, and removed', async () => {
    await using root = await CleanRoot.create(systemd);
    const before = await root.state();
    await root.ok(`dpkg -i ${await root.take(await built(debFile, 'before'))}`);
    // Ready means ready: nothing is waited for.
    await root.ok('journalctl -u fairlead -o cat >/root/daemon.log');
    const old = await root.ok(version);
    const newer = await root.take(await built(debFile));
    await root.ok(`dpkg -i ${newer}`);
    expect(await root.ok(version)).not.toBe(old);
    await useSandbox(root);
    const said = await pinging(root, async () => {
      await root.ok('systemctl restart fairlead; fairlead ps');
      await root.ok('systemctl reload-or-restart fairlead; fairlead ps');
      await root.ok(`systemctl kill -s KILL --kill-whom=main fairlead; sleep 0.1; ${answers}`);
    });
    expect(said).toContain(' 0% packet loss');
    expect(await root.ok('systemctl show fairlead -p Type,NRestarts')).toBe('Type=notify\nNRestarts=1\n');
    expect(await root.ok('journalctl -u fairlead -o cat')).toMatch(
      /^ready on unix:\/\/\/run\/fairlead\.sock$/m,
    );

    await root.ok(
      `mkdir ${dropIn}; cp /usr/share/doc/fairlead/examples/fairlead.service.d/engine.conf ${dropIn}; systemctl daemon-reload`,
    );
    await root.ok(
      'systemctl restart fairlead && fairlead network create hardened && fairlead network rm hardened',
    );
    expect(await root.ok('fairlead exec c2 getent hosts db')).toBe('172.18.0.2      db\n');
    await root.ok(`rm -r ${dropIn}; systemctl daemon-reload; systemctl restart fairlead`);

    expect(await root.ok('dpkg -r fairlead')).toMatch(/stopped 2 containers\n/);
    const { files: _, ...kernel } = await root.state();
    const { files, ...kernelBefore } = before;
    expect(kernel).toEqual(kernelBefore);
    await root.ok('dpkg -P fairlead');
    expect((await root.state()).files).toBe(files);
  });
});
