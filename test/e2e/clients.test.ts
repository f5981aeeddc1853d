import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import Docker from 'dockerode';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Ran, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { ask, Echo } from '../rig/echo.ts';
import { TestHost } from '../rig/namespace.ts';
import { until } from '../rig/until.ts';

/** Of the host that the daemon has to itself. */
const port = 23_750;

/**
 * Clients that know nothing of Fairlead, as Debian and npm have them. Over tcp what a web page could send is refused
 * (src/api/http/cross-site.ts): nothing that these send may look like it.
 */
describe.each(['its socket', 'tcp'])('unmodified clients, over %s', (way) => {
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    host = await TestHost.create();
    const tcp = way === 'tcp' ? ['-H', `tcp://127.0.0.1:${port}`] : [];
    const flags = ['--dataplane', 'linux', '--dns-listen', 'none', ...tcp];
    daemon = await TestDaemon.start({ namespace: host.path, flags });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host[Symbol.asyncDispose]();
  });

  const file = (name: string) => fileURLToPath(new URL(`../clients/${name}`, import.meta.url));
  const client = (...words: string[]) =>
    way === 'tcp'
      ? runToEnd(['nsenter', `--net=${host.path}`, ...words], {
          ...process.env,
          DOCKER_HOST: `tcp://127.0.0.1:${port}`,
        })
      : runToEnd(words, { ...process.env, DOCKER_HOST: daemon.host });

  async function must(ran: Promise<Ran>): Promise<string> {
    const { code, stdout, stderr } = await ran;
    expect(code, `${stdout}${stderr}`).toBe(0);
    return stdout;
  }

  it('docker-compose: two networks, aliases, static addresses, ports and depends_on, up and down', async () => {
    const compose = (...words: string[]) =>
      must(client('/usr/bin/docker-compose', '-p', 'flt', '-f', file('compose.yml'), ...words));
    await compose('up', '-d');
    expect(await compose('ps')).toMatch(/flt_web_1 .* Up .*0\.0\.0\.0:18080->80\/tcp/);
    const found = await compose('exec', '-T', 'web', 'getent', 'hosts', 'database', 'db', 'www');
    expect(found.split('\n').map((line) => line.split(/ +/)[0])).toEqual([
      '10.66.1.10',
      '10.66.1.10',
      expect.stringMatching(/^172\./),
      '',
    ]);
    const id = await must(client('docker', 'inspect', '-f', '{{.Id}}', 'flt_web_1'));
    const { stdout } = await daemon.inHost('ip', 'netns', 'list');
    const namespace = stdout.split('\n').find((line) => line.includes(id.slice(0, 12)));
    await using _web = await Echo.start(`/run/netns/${namespace?.split(' ')[0]}`, 80, 'web');
    expect(await ask(host.path, 'tcp', '127.0.0.1', 18080)).toMatch(/^web /);
    // The link's name is the linking service's own.
    expect(await compose('exec', '-T', 'web', 'getent', 'hosts', 'linked')).toMatch(/^10\.66\.1\.10 /);
    const others = client(
      '/usr/bin/docker-compose',
      '-p',
      'flt',
      '-f',
      file('compose.yml'),
      'exec',
      '-T',
      'db',
      'getent',
      'hosts',
      'linked',
    );
    expect((await others).code).toBe(2);
    // A second time changes nothing.
    await compose('up', '-d');
    expect(await must(client('docker', 'inspect', '-f', '{{.Id}}', 'flt_web_1'))).toBe(id);
    await compose('down');
    expect(await must(client('docker', 'ps', '-aq'))).toBe('');
    expect(await must(client('docker', 'network', 'ls', '--format', '{{.Name}}'))).toBe(
      'bridge\nhost\nnone\n',
    );
  });

  it('docker-py: networks, containers, exec, output, errors and events', async () => {
    const lines = (await must(client('/usr/bin/python3', file('script.py')))).trimEnd().split('\n');
    expect(lines).toEqual([
      'ping True',
      'version True',
      "network py-net 10.67.1.0/24 {'by': 'py'}",
      "listed ['py-net']",
      "filtered ['py-net']",
      'status running',
      'address 10.67.1.20',
      "ports {'HostIp': '0.0.0.0', 'HostPort': '18090'}",
      "exec 0 ['10.67.1.20', 'first']",
      "demux 3 (None, b'err\\n')",
      "output b'hello\\n'",
      "failed 5 b'bad\\n'",
      'not found network nope not found',
      'conflict 409',
      'networks of py-2 []',
      "by label ['py-1']",
      'wait True',
      'events network create network destroy',
      "left [] ['bridge', 'host', 'none']",
    ]);
  });

  // From within this process no way leads into the host's namespace.
  if (way === 'its socket') {
    // Within this process there is no way into the host's namespace.
    it.runIf(way === 'its socket')(
      'dockerode: create, attach before the start, exec, logs, wait, events, prune',
      async () => {
        const docker = new Docker({ socketPath: daemon.host.slice('unix://'.length) });
        const events = await docker.getEvents({ filters: { type: ['container'] } });
        const network = await docker.createNetwork({ Name: 'node-net', Labels: { by: 'node' } });
        const container = await docker.createContainer({
          Image: 'busybox',
          name: 'node-1',
          Cmd: ['sh', '-c', 'echo out; echo err >&2; sleep 600'],
          NetworkingConfig: { EndpointsConfig: { 'node-net': { Aliases: ['me'] } } },
        });
        // Without hijacking: output only, over a plain answer.
        const stream = await container.attach({ stream: true, stdout: true, stderr: true });
        const [out, err] = [new PassThrough(), new PassThrough()];
        docker.modem.demuxStream(stream, out, err);
        const printed = new Promise<string>((resolve) => out.once('data', (data) => resolve(String(data))));
        await container.start();
        expect(await printed).toBe('out\n');

        const exec = await container.exec({ Cmd: ['getent', 'hosts', 'me'], AttachStdout: true });
        const answer = await exec.start({});
        expect(await text(answer)).toMatch(/172\.\d+\.0\.\d+ +me/);
        expect((await exec.inspect()).ExitCode).toBe(0);

        const logs = await container.logs({ stdout: true, stderr: true });
        expect(logs.toString()).toContain('err\n');
        const waited = container.wait();
        await container.kill({ signal: 'SIGKILL' });
        expect(await waited).toMatchObject({ StatusCode: 137 });
        await expect(docker.getNetwork('nope').inspect()).rejects.toMatchObject({ statusCode: 404 });
        await container.remove();
        await network.remove();

        let seen = '';
        events.on('data', (chunk: Buffer) => {
          seen += chunk;
        });
        await until(
          'the container’s destroy event',
          () => seen,
          (all) => all.includes('"destroy"'),
        );
        const actions = seen.split('\n').flatMap((line) => /"Action":"(\w+)"/.exec(line)?.[1] ?? []);
        expect(actions).toEqual(['create', 'attach', 'start', 'exec_die', 'kill', 'die', 'destroy']);
        if ('destroy' in events && typeof events.destroy === 'function') events.destroy();
      },
    );
  }

  it('the docker CLI: services as Swarm’s, ports, prune', async () => {
    // Its attach is a bodyless POST of text/plain.
    expect(await must(client('docker', 'run', '--rm', 'busybox', 'echo', 'hello'))).toBe('hello\n');
    await daemon.ok('service', 'publish', 'my-service.bridge');
    await must(client('docker', 'run', '-d', '--name', 'c1', '-p', '18070:80', 'busybox', 'sleep', '600'));
    await daemon.ok('service', 'attach', 'c1', 'my-service.bridge');
    const format = '{{.Name}} {{.Mode}} {{.Replicas}}';
    expect(await must(client('docker', 'service', 'ls', '--format', format))).toBe(
      'my-service.bridge replicated 1/1\n',
    );
    expect(
      await must(client('docker', 'service', 'inspect', '-f', '{{.Spec.Name}}', 'my-service.bridge')),
    ).toBe('my-service.bridge\n');
    expect(await must(client('docker', 'port', 'c1'))).toBe(
      '80/tcp -> 0.0.0.0:18070\n80/tcp -> [::]:18070\n',
    );
    const theirs = await must(client('docker', 'ps', '--format', '{{.Ports}}'));
    expect(await daemon.ok('ps', '--format', '{{.Ports}}')).toBe(theirs.trimEnd());
    await must(client('docker', 'stop', '-t', '1', 'c1'));
    expect(await must(client('docker', 'container', 'prune', '-f'))).toMatch(
      /^Deleted Containers:\n[0-9a-f]{64}\n\nTotal reclaimed space: 0B\n$/,
    );
    await daemon.ok('service', 'unpublish', 'my-service.bridge');
  });
});
