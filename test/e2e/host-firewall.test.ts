import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { TestDaemon } from '../rig/daemon.ts';
import { ask, Echo } from '../rig/echo.ts';
import { engineEnvironment, oracleVersion } from '../rig/engine-version.ts';
import { TestHost } from '../rig/namespace.ts';
import { serverDirectory } from '../rig/server.ts';

/** A firewall that drops by default, as hosts have it; what it is written in, and for whom. */
const firewalls = {
  'a table of nftables': `
    nft add table inet site
    nft 'add chain inet site in { type filter hook input priority filter; policy drop; }'
    nft 'add chain inet site forwarded { type filter hook forward priority filter; policy drop; }'
    nft add rule inet site in iif lo accept
    nft add rule inet site forwarded ct state established,related accept`,
  'iptables with final rejects': `
    for table in iptables ip6tables; do
      $table -A INPUT -i lo -j ACCEPT
      $table -A INPUT -p tcp --dport 22 -j ACCEPT
      $table -A INPUT -j REJECT
      $table -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
      $table -A FORWARD -j REJECT
    done`,
} as const;

const diagnosis = z.object({ findings: z.array(z.object({ text: z.string() })) });

describe.each(Object.entries(firewalls))(
  'a host firewall that drops: %s',
  { timeout: 120_000 },
  (_, script) => {
    const opened: AsyncDisposable[] = [];
    afterEach(async () => {
      for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]();
    });
    const keep = <T extends AsyncDisposable>(one: T): T => {
      opened.push(one);
      return one;
    };

    it('is told of by the start, info and doctor, with the line that helps', async () => {
      const host = keep(await TestHost.create());
      const outside = keep(await TestHost.create());
      await host.wire({ device: 'up0', address: '192.0.2.1/24' }, outside, {
        device: 'up0',
        address: '192.0.2.2/24',
      });
      await host.run('ip', 'route', 'add', 'default', 'via', '192.0.2.2');
      const { PATH = '', XTABLES_LIBDIR = '' } = await engineEnvironment(
        await serverDirectory('firewall'),
        oracleVersion,
      );
      const env = { PATH, XTABLES_LIBDIR };
      const type = (command: string) =>
        host.run('env', `PATH=${PATH}`, `XTABLES_LIBDIR=${XTABLES_LIBDIR}`, 'sh', '-ec', command);
      await type(script);
      const flags = ['--dataplane', 'linux', '--dns-listen', 'none'];
      const daemon = keep(await TestDaemon.start({ namespace: host.path, flags, env }));
      await daemon.ok('run', '-d', '--name', 'web', '-p', '8080:80', 'web');
      const id = await daemon.ok('inspect', '-f', '{{.Id}}', 'web');
      const tag = z.string().parse(/fl([0-9a-f]{4})-/.exec((await daemon.inHost('ip', 'link')).stdout)?.[1]);
      const container = `/run/netns/fl${tag}-${id.slice(0, 12)}`;
      keep(await Echo.start(container, 80, 'web'));
      keep(await Echo.start(outside.path, 7, 'outside'));
      const probes = async () => ({
        port: await ask(outside.path, 'tcp', '192.0.2.1', 8080),
        out: await ask(container, 'tcp', '192.0.2.2', 7),
        dns: (await daemon.run('fairlead', 'exec', 'web', 'dig', '+short', '+time=1', '+tries=1', 'web'))
          .code,
      });
      const findings = async () => {
        const { stdout } = await daemon.run('fairlead', 'doctor', '--format', 'json');
        return diagnosis.parse(JSON.parse(stdout)).findings.map(({ text }) => text);
      };

      const before = await probes();
      expect(before.port).not.toContain('web');
      expect(before.out).not.toContain('outside');
      expect(before.dns).not.toBe(0);
      const told = await findings();
      expect(told.length).toBeGreaterThanOrEqual(2);
      expect(told.join('\n')).toContain('drops what containers ask of DNS');
      expect(told.join('\n')).toContain(
        'drops what containers send beyond their network and what comes to published ports',
      );
      const { stdout: info } = await daemon.run('fairlead', 'info');
      for (const text of told) {
        expect(daemon.output).toContain(`warning: ${text}`);
        expect(info).toContain(text);
      }
      for (const text of told) await type(text.slice(text.indexOf('type: ') + 'type: '.length));
      expect(await findings()).toEqual([]);
      expect(await probes()).toEqual({ port: 'web 192.0.2.2', out: 'outside 192.0.2.1', dns: 0 });
    });
  },
);
