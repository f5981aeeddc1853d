import { access, chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';

const nobody = 65534;
const root = process.getuid?.() === 0;
const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));

/** The seed's transcript with dist/bin first on the PATH, in the simulated way, as a user without rights. */
describe('the transcript, without root', () => {
  let daemon: TestDaemon;
  const port = 5300 + (process.pid % 50);

  beforeAll(async () => {
    daemon = await TestDaemon.start({
      flags: ['--dns-listen', `127.0.0.1:${port}`, '--dataplane', 'simulated'],
      ...(root ? { uid: nobody } : {}),
    });
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  /** As typed in a shell that has dist/bin first on its PATH. */
  const shell = (line: string) =>
    runToEnd(['sh', '-c', line], {
      ...process.env,
      PATH: [bin, dirname(process.execPath), process.env.PATH].join(delimiter),
      FAIRLEAD_HOST: daemon.host,
      NODE_EXTRA_CA_CERTS: '',
    });
  const printed = async (line: string) => {
    const { code, stdout, stderr } = await shell(line);
    expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
    return stdout;
  };
  const hexLine = /^[0-9a-f]{64}\n$/;
  const short = (id: string) => id.slice(0, 12);

  it('prints each line in exactly the form of the seed', async () => {
    const foo = await printed('docker network create foo');
    expect(foo).toMatch(hexLine);
    const bar = await printed('docker network create bar');
    expect(bar).toMatch(hexLine);
    const ids = (await printed('docker network ls -q')).split('\n');
    expect(await printed('docker network ls')).toBe(
      [
        'NETWORK ID          NAME                TYPE',
        `${ids[0]}        none                null`,
        `${ids[1]}        host                host`,
        `${ids[2]}        bridge              bridge`,
        `${short(foo)}        foo                 bridge`,
        `${short(bar)}        bar                 bridge`,
        '',
      ].join('\n'),
    );
    expect(await printed('docker network info foo')).toBe(`Network Id: ${foo}Name: foo\nType: bridge\n`);
    expect(await printed('docker network rm bar')).toBe('bar\n');
    expect(await printed('docker network ls')).not.toContain(short(bar));
  });

  it('publishes, attaches, resolves, detaches', async () => {
    const c1 = await printed('docker run -itd --name c1 web');
    expect(c1).toMatch(hexLine);
    const service = await printed('docker service publish my-service.foo');
    expect(service).toMatch(hexLine);
    expect(await printed(`docker service attach ${short(c1)} my-service.foo`)).toBe('');
    expect(await printed('docker service ls')).toBe(
      [
        'SERVICE ID          NAME                NETWORK             PROVIDER',
        `${short(service)}        my-service          foo                 ${short(c1)}`,
        '',
      ].join('\n'),
    );
    await printed('docker run -itd --name c2 --net foo web');
    const asked = await printed("docker inspect -f '{{.NetworkSettings.Networks.foo.IPAddress}}' c2");
    const dig = `dig +short +tries=1 +time=2 @127.0.0.1 -p ${port}`;
    expect(await printed(`${dig} +subnet=${asked.trim()}/32 my-service`)).toMatch(/^172\.18\.\d+\.\d+\n$/);
    expect(await printed(`${dig} my-service.foo`)).toMatch(/^172\.18\.\d+\.\d+\n$/);
    expect(await printed('fairlead probe c2 my-service')).toMatch(
      /^my-service for c2: answered \(NOERROR\)\n {2}172\.18\.\d+\.\d+ on foo: service my-service, container c1 on \S+\n {4}reachable: eth0 -> \S+ \(bridge\) -> eth1 of [0-9a-f]{12}\n$/,
    );
    const db = await printed('docker run -itd --publish-service db.foo postgres');
    expect(await printed('docker service ls')).toMatch(
      new RegExp(`\n[0-9a-f]{12} {8}db {18}foo {17}${short(db)}\n`),
    );
    expect(
      await printed(
        `docker service detach ${short(c1)} my-service.foo && docker service unpublish my-service.foo`,
      ),
    ).toBe('');
    expect(await printed(`${dig} +subnet=${asked.trim()}/32 my-service`)).toBe('');
    const { code, stdout } = await shell('fairlead probe c2 my-service');
    expect([code, stdout]).toEqual([
      1,
      expect.stringMatching(/^my-service for c2: no-such-name \(NXDOMAIN\)/),
    ]);
  });

  it('is started through a symlink, too', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flt-bin-'));
    await symlink(join(bin, 'fairlead'), join(folder, 'fairlead'));
    const { code, stdout } = await runToEnd([join(folder, 'fairlead'), 'network', 'ls', '-q'], {
      PATH: dirname(process.execPath),
      FAIRLEAD_HOST: daemon.host,
    });
    await rm(folder, { recursive: true });
    expect([code, stdout.split('\n').length]).toEqual([0, 5]);
  });

  describe('the docker drop-in', () => {
    let folder: string;
    /** A real docker that says how it was called, after ours on the PATH. */
    const handed = (words: readonly string[], host = daemon.host, input = '') =>
      runToEnd(
        [join(bin, 'docker'), ...words],
        { PATH: [bin, folder, dirname(process.execPath)].join(delimiter), FAIRLEAD_HOST: host },
        input,
      );

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'flt-path-'));
      await mkdir(folder, { recursive: true });
      const script =
        '#!/bin/sh\nprintf "real:"; for word in "$@"; do printf " [%s]" "$word"; done; echo; cat; exit 7\n';
      await writeFile(join(folder, 'docker'), script);
      await chmod(join(folder, 'docker'), 0o755);
    });
    afterAll(() => rm(folder, { recursive: true, force: true }));

    it.each([
      [['build', '-t', 'a b', '.']],
      [['--context', 'x', 'images', '--format', '{{.ID}}']],
      [['service', 'create', '--name', 'x', 'nginx']],
      [['service', 'inspect', 'x']],
      [['compose', 'up', '-d']],
      [['-v']],
      [[]],
    ])('hands %j to the real one, unchanged, with its stdin and exit code', async (words) => {
      const { code, stdout } = await handed(words, daemon.host, 'typed\n');
      expect([code, stdout]).toEqual([7, `real:${words.map((word) => ` [${word}]`).join('')}\ntyped\n`]);
    });

    it.each([
      [['network', 'ls', '-q']],
      [['service', 'ls', '-q']],
      [['ps', '-q']],
      [['help', 'service']],
      [['-H', 'unix:///elsewhere', '-H', '{host}', 'network', 'ls', '-q']],
    ])('does %j itself', async (words) => {
      const { code, stdout } = await handed(words.map((word) => word.replace('{host}', daemon.host)));
      expect([code, stdout]).toEqual([0, expect.not.stringContaining('real:')]);
    });

    it('hands containers over where no daemon of ours runs, but never networks', async () => {
      const gone = 'unix:///nonexistent/d.sock';
      expect((await handed(['ps'], gone)).stdout).toBe('real: [ps]\n');
      expect(await handed(['network', 'ls'], gone)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('Is the daemon running?'),
      });
    });

    it('says in one line that nobody can do it', async () => {
      const alone = await runToEnd([join(bin, 'docker'), 'build', '.'], {
        PATH: [bin, dirname(process.execPath)].join(delimiter),
      });
      // Another docker beside Node on this machine would be the real one.
      const other = await access(join(dirname(process.execPath), 'docker')).then(
        () => true,
        () => false,
      );
      if (!other) {
        expect(alone).toEqual({
          code: 127,
          stdout: '',
          stderr:
            "docker: 'build' is not a Fairlead command, and no other docker to hand it to is on the PATH\n",
        });
      }
    });

    it('is the daemon with -d', async () => {
      expect(await handed(['-d', '--default-network=foo'])).toEqual({
        code: 125,
        stdout: '',
        stderr: `docker: invalid argument for "--default-network" flag: "foo": default network daemon config must be of the form NETWORKDRIVER:NETWORKNAME. See 'docker daemon --help'.\n`,
      });
    });
  });

  describe('the dokku drop-in', () => {
    it("speaks Dokku's words", async () => {
      expect(await printed('dokku network:create test-network')).toBe(
        '-----> Creating network test-network\n',
      );
      expect(await printed('dokku network:list')).toBe(
        '=====> Networks\nbridge\nfoo\nhost\nnone\ntest-network\n',
      );
      expect(await printed('dokku --quiet network:list')).toBe('bridge\nfoo\nhost\nnone\ntest-network\n');
      expect(await printed('dokku network:exists test-network')).toBe('-----> Network exists\n');
      expect(await shell('dokku network:exists nonexistent-network')).toEqual({
        code: 1,
        stdout: '',
        stderr: ' !     Network does not exist\n',
      });
      expect(await shell('dokku network:create test-network')).toEqual({
        code: 1,
        stdout: '-----> Creating network test-network\n',
        stderr:
          ' !     Unable to create network: Error response from daemon: network with name test-network already exists\n',
      });
    });

    it('asks for the name before it destroys', async () => {
      const asks =
        ' !     WARNING: Potentially Destructive Action\n !     This command will destroy network test-network.\n !     To proceed, type "test-network"\n> ';
      expect(await shell('echo other | dokku network:destroy test-network')).toEqual({
        code: 1,
        stdout: '',
        stderr: `${asks} !     Confirmation did not match test-network. Aborted.\n`,
      });
      expect(await shell('echo test-network | dokku network:destroy test-network')).toEqual({
        code: 0,
        stdout: '-----> Destroying network test-network\n',
        stderr: asks,
      });
      await printed('dokku network:create test-network');
      expect(await printed('dokku --force network:destroy test-network')).toBe(
        '-----> Destroying network test-network\n',
      );
    });
  });
});

describe('the tour', () => {
  it('plays, cleans up and ends with 0 where there is no terminal', async () => {
    const temporary = await mkdtemp(join(tmpdir(), 'flt-tour-'));
    if (root) await chmod(temporary, 0o777);
    const { code, stdout, stderr } = await runToEnd(
      [
        ...(root ? ['setpriv', `--reuid=${nobody}`, `--regid=${nobody}`, '--clear-groups'] : []),
        process.execPath,
        join(bin, 'fairlead'),
        'tour',
      ],
      { PATH: process.env.PATH, TMPDIR: temporary },
    );
    await rm(temporary, { recursive: true });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/^fairlead \S+: simulated mode \(.*\)\nready on unix:/);
    for (const line of [
      '$ docker network create foo',
      '$ docker service publish my-service.foo',
      '$ fairlead probe c2 my-service',
    ]) {
      expect(stdout).toContain(`\n${line}\n`);
    }
  });
});
