import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { cleanEnvironment, type Ran, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { EngineAlone } from '../rig/engine-alone.ts';
import { engineEnvironment } from '../rig/engine-version.ts';
import { TestHost } from '../rig/namespace.ts';

const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));

/** Lines of shell as root whose /var/lib is empty, where `link-docker` notes its links: this machine's stay as they are. */
async function asNewRoot(script: string, env: NodeJS.ProcessEnv = {}): Promise<Ran> {
  const apart = `mount -t tmpfs none /var/lib; PATH=${bin}:$PATH; ${script}`;
  return await runToEnd(['unshare', '-m', 'sh', '-c', apart], { ...cleanEnvironment(), ...env });
}

/** All that a data plane may change on a host. */
async function stateOf(host: TestHost): Promise<Readonly<Record<string, string>>> {
  const settings = await host.run(
    'sh',
    '-c',
    "sysctl -a 2>/dev/null | grep '^net\\.' | grep -v nf_conntrack_count",
  );
  return {
    rules: await host.run('nft', 'list', 'ruleset'),
    links: await host.run('ip', '-d', 'link'),
    addresses: await host.run('ip', 'address'),
    routes: await host.run('sh', '-c', 'ip route show table all; ip -6 route show table all; ip rule'),
    tunnels: await host.run('sh', '-c', 'ip xfrm state; ip xfrm policy'),
    settings,
    namespaces: (await readdir('/run/netns'))
      .filter((name) => name.startsWith('fl') && !name.startsWith('flt-'))
      .join(),
  };
}

describe('uninstall', () => {
  it('leaves the host as it was, and the data root until it is purged', async () => {
    await using host = await TestHost.create();
    // A host that routes already.
    const { namespaces: _, ...before } = await stateOf(host);
    const parent = await mkdtemp(join(tmpdir(), 'flt-uninstall-'));
    const dataRoot = join(parent, 'data');
    try {
      const flags = ['--dataplane', 'linux', '--engine', 'none', '--dns-listen', 'none'];
      await using daemon = await TestDaemon.start({ namespace: host.path, dataRoot, flags });
      await daemon.ok('network', 'create', 'foo');
      await daemon.ok('run', '-d', '--name', 'c1', '--publish-service', 'db.foo', '-p', '8080:80', 'web');
      await daemon.ok(
        'run',
        '-d',
        '--name',
        'c2',
        '--net',
        'foo',
        '--restart',
        'always',
        'web',
        'sleep',
        '600',
      );
      expect(await host.run('nft', 'list', 'ruleset')).not.toBe(before.rules);
      const env = { FAIRLEAD_HOST: daemon.host };
      const drop = join(parent, 'bin');
      const { pid } = daemon;
      const ran = await asNewRoot(`fairlead link-docker ${drop} && fairlead uninstall --force`, env);
      expect({ ...ran, stdout: ran.stdout.split('\n').slice(2) }).toEqual({
        code: 0,
        stderr: '',
        stdout: [
          'stopped 2 containers',
          `stopped the daemon: process ${pid}`,
          `removed ${drop}/docker`,
          `left: ${dataRoot} (networks, services, records of containers); --purge removes it, too`,
          expect.stringMatching(/^the program itself: rm -r /),
          '',
        ],
      });
      const { namespaces, ...after } = await stateOf(host);
      expect(after).toEqual(before);
      expect(namespaces).not.toContain(`fl${await tagOf(dataRoot)}`);
      expect(await readdir(drop)).toEqual([]);

      const purge = await asNewRoot(`fairlead uninstall --force --purge --data-root ${dataRoot}`, {
        FAIRLEAD_HOST: `unix://${parent}/nobody.sock`,
      });
      expect({ code: purge.code, stderr: purge.stderr }).toEqual({ code: 0, stderr: '' });
      expect(purge.stdout).toContain(`removed ${dataRoot}\n`);
      expect(existsSync(dataRoot)).toBe(false);
    } finally {
      await rm(parent, { recursive: true, force: true });
    }
  });

  it('takes back what a daemon has left that was killed', async () => {
    await using host = await TestHost.create();
    const { namespaces: _, ...before } = await stateOf(host);
    const flags = ['--dataplane', 'linux', '--engine', 'none', '--dns-listen', 'none'];
    await using daemon = await TestDaemon.start({ namespace: host.path, flags });
    await daemon.ok('run', '-d', '--name', 'c1', '--publish-service', 'db.bridge', 'web', 'sleep', '600');
    const tag = await tagOf(daemon.dataRoot);
    await daemon.kill();
    const enter = `nsenter --net=${host.path} env PATH=$PATH`;
    const ran = await asNewRoot(`${enter} fairlead uninstall -f --data-root ${daemon.dataRoot}`, {
      FAIRLEAD_HOST: daemon.host,
    });
    expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
    expect(ran.stdout).toMatch(/^stopped 1 container\ntook back what the daemon had made/);
    const { namespaces, ...after } = await stateOf(host);
    expect(after).toEqual(before);
    expect(namespaces).not.toContain(`fl${tag}`);
  });
});

describe('uninstall beside an Engine', () => {
  it('spares its containers, and takes its devices along though others run', async () => {
    await using alone = await EngineAlone.create();
    const { host } = alone;
    const before = await stateOf(host.network);
    const tag = await tagOf(host.daemon.dataRoot);
    expect(before.links).toContain(`fl${tag}`);
    await host.dockerOk('run', '-d', '--name', 'theirs', 'busybox', 'sleep', '600');
    await host.dropInOk('network', 'create', 'foo');
    await host.dockerOk('run', '-d', '--name', 'c1', '--network', 'foo', 'busybox', 'sleep', '600');
    const config = join(host.daemon.dataRoot, 'config.json');
    await writeFile(config, JSON.stringify({ engine: host.dockerHost, advertise: 'up0' }));
    const { PATH = '', XTABLES_LIBDIR = '' } = await engineEnvironment(host.engine.directory);
    const env = [
      'env',
      `PATH=${PATH}`,
      `XTABLES_LIBDIR=${XTABLES_LIBDIR}`,
      `FAIRLEAD_HOST=${host.daemon.host}`,
    ];
    const apart = ['unshare', '-m', 'sh', '-c', 'mount -t tmpfs none /var/lib; exec "$@"', 'sh'];
    const uninstall = [
      process.execPath,
      join(bin, 'fairlead'),
      'uninstall',
      '--force',
      '--config-file',
      config,
    ];
    const words = [...apart, ...uninstall];

    const refused = await host.run(...env, ...words);
    expect({ code: refused.code, stderr: refused.stderr }).toEqual({
      code: 1,
      stderr: "containers of the Docker Engine are on Fairlead's networks; first: docker rm -f c1\n",
    });
    expect((await host.daemon.run('fairlead', 'info')).code).toBe(0);

    await host.dockerOk('rm', '-f', 'c1');
    const done = await host.run(...env, ...words);
    expect({ code: done.code, stderr: done.stderr }).toEqual({ code: 0, stderr: '' });
    expect(done.stdout).toContain('left in the Docker Engine, where they are names only: networks foo\n');
    const after = await stateOf(host.network);
    expect(after.links).not.toContain(`fl${tag}`);
    expect(after.rules).not.toContain(`fairlead_${tag}`);
    expect(await host.iptables('-S', 'DOCKER-USER')).not.toContain('fl');
    expect(await host.dockerOk('inspect', '-f', '{{.State.Running}}', 'theirs')).toBe('true');
  });
});

async function tagOf(dataRoot: string): Promise<string> {
  return (await readFile(join(dataRoot, 'node-id'), 'utf8')).slice(0, 4);
}

describe('link-docker', () => {
  it('puts the drop-in where it is asked to, says what the PATH does with it, and spares what is not ours', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flt-link-'));
    try {
      const [first, second, foreign] = ['first', 'second', 'foreign'].map((name) => join(folder, name));
      const ran = await asNewRoot(
        `fairlead link-docker ${first}; PATH=${first}:$PATH:${second}; fairlead link-docker ${first}
         docker --version; fairlead link-dokku ${second}`,
      );
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
      const lines = ran.stdout.split('\n');
      expect(lines[0]).toBe(`${first}/docker -> ${bin}/docker`);
      expect(lines[1]).toMatch(new RegExp(`; put it in front: export PATH=${first}:\\$PATH$`));
      expect(lines[3]).toMatch(/^docker is Fairlead's in new shells \(in open ones: hash -r\); /);
      expect(lines.at(-3)).toBe(`${second}/dokku -> ${bin}/dokku`);
      expect(lines.at(-2)).toBe(
        `${bin}/dokku comes first on your PATH; put it in front: export PATH=${second}:$PATH`,
      );
      await mkdir(String(foreign));
      await writeFile(`${foreign}/docker`, 'theirs');
      await symlink('/usr/bin/true', `${foreign}/dokku`);
      const refused = await asNewRoot(`fairlead link-docker ${foreign}; fairlead link-dokku ${foreign}`);
      expect(refused).toEqual({
        code: 1,
        stdout: '',
        stderr: [
          `${foreign}/docker is there already, a file that is not Fairlead's: name another directory, or move it away`,
          `${foreign}/dokku is there already, a link to /usr/bin/true that is not Fairlead's: name another directory, or move it away`,
          '',
        ].join('\n'),
      });
      expect(await readFile(`${foreign}/docker`, 'utf8')).toBe('theirs');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
