import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';

/** The unmodified docker CLI against our socket. Needs `docker` on the PATH (Debian: docker-cli or docker.io). */
let api: Awaited<ReturnType<typeof createTestApi>>;

beforeAll(async () => {
  api = await createTestApi({ programs: true });
  await api.listen();
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function docker(args: readonly string[], input = ''): Promise<Result> {
  const env = { ...process.env, DOCKER_HOST: `unix://${api.socketPath}`, DOCKER_CONFIG: '/nonexistent' };
  const child = spawn('docker', args, { env, timeout: 20_000, killSignal: 'SIGKILL' });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data: Buffer) => {
    output.stdout += data.toString();
  });
  child.stderr.on('data', (data: Buffer) => {
    output.stderr += data.toString();
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  return { code, ...output };
}

const ok = (stdout: string) => ({ code: 0, stdout, stderr: '' });
const fails = (stderr: string, code = 1) => ({ code, stdout: expect.any(String), stderr });

describe('the docker CLI', () => {
  it('agrees on a version', async () => {
    expect(await docker(['version', '--format', '{{.Server.Version}} {{.Server.APIVersion}}'])).toEqual(
      ok('0.1.0 1.52\n'),
    );
    const { code, stdout } = await docker(['info', '--format', '{{.Name}} {{.ServerVersion}}']);
    expect([code, stdout]).toEqual([0, 'test 0.1.0\n']);
  });

  it('creates, lists, inspects and removes a network', async () => {
    const created = await docker(['network', 'create', '--label', 'a=b', '--subnet', '10.20.0.0/24', 'foo']);
    const { id } = api.model.networks.find('foo');
    expect(created).toEqual(ok(`${id}\n`));
    expect(await docker(['network', 'ls', '--format', '{{.ID}} {{.Name}} {{.Driver}} {{.Scope}}'])).toEqual(
      ok(
        api.model.networks
          .list()
          .map(({ id, name, driver }) => `${id.slice(0, 12)} ${name} ${driver} local\n`)
          .join(''),
      ),
    );
    expect(await docker(['network', 'ls', '-q', '-f', 'label=a=b'])).toEqual(ok(`${id.slice(0, 12)}\n`));
    const format = '{{(index .IPAM.Config 0).Gateway}} {{json .Labels}}';
    expect(await docker(['network', 'inspect', '-f', format, 'foo'])).toEqual(ok('10.20.0.1 {"a":"b"}\n'));
    expect(await docker(['network', 'rm', 'foo'])).toEqual(ok('foo\n'));
    expect(await docker(['network', 'inspect', 'foo'])).toEqual(
      fails('Error response from daemon: network foo not found\n'),
    );
    expect(await docker(['network', 'rm', 'bridge'])).toEqual(
      fails(
        'Error response from daemon: bridge is a pre-defined network and cannot be removed\nexit status 1\n',
      ),
    );
  });

  it('runs, lists, inspects, executes in, reads and removes a container', async () => {
    await docker(['network', 'create', 'net1']);
    const run = await docker([
      'run',
      '-d',
      '--name',
      'c1',
      '--network',
      'net1',
      '--network-alias',
      'al',
      'busybox',
    ]);
    const { id } = api.model.containers.find('c1');
    expect(run).toEqual(ok(`${id}\n`));
    expect(await docker(['ps', '--format', '{{.ID}} {{.Image}} {{.Names}} {{.Networks}}'])).toEqual(
      ok(`${id.slice(0, 12)} busybox c1 net1\n`),
    );
    const format = '{{.NetworkSettings.Networks.net1.IPAddress}} {{.NetworkSettings.Networks.net1.Aliases}}';
    expect(await docker(['inspect', '-f', format, 'c1'])).toEqual(ok('172.18.0.2 [al]\n'));
    expect(await docker(['exec', 'c1', 'sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
      code: 3,
      stdout: 'out\n',
      stderr: 'err\n',
    });
    const input = 'x'.repeat(200_000);
    expect(await docker(['exec', '-i', 'c1', 'cat'], input)).toEqual(ok(input));
    expect(await docker(['logs', 'c1'])).toEqual({ code: 0, stdout: 'one\nthree', stderr: 'two\n' });
    expect((await docker(['rm', 'c1'])).stderr).toMatch(
      /^Error response from daemon: cannot remove container "c1": /,
    );
    expect(await docker(['network', 'connect', 'bridge', 'c1'])).toEqual(ok(''));
    expect(await docker(['network', 'disconnect', 'net1', 'c1'])).toEqual(ok(''));
    expect(await docker(['stop', '-t', '1', 'c1'])).toEqual(ok('c1\n'));
    expect(await docker(['rm', '-f', 'c1'])).toEqual(ok('c1\n'));
    expect(await docker(['network', 'prune', '-f'])).toEqual(ok('Deleted Networks:\nnet1\n\n'));
    expect(await docker(['ps', '-aq'])).toEqual(ok(''));
  });

  it('runs attached, with input, to the end', async () => {
    const { code, stdout } = await docker(['run', '--rm', '-i', 'busybox', 'cat'], 'hello\n');
    // The simulated container ends by its stop, hence 143.
    expect([code, stdout]).toEqual([143, 'hello\n']);
    expect(await docker(['ps', '-aq'])).toEqual(ok(''));
  });

  it('says what is wrong', async () => {
    expect(await docker(['inspect', 'nope'])).toEqual({
      code: 1,
      stdout: '[]\n',
      stderr: 'Error: No such object: nope\n',
    });
    expect(await docker(['exec', 'nope', 'true'])).toEqual(
      fails('Error response from daemon: No such container: nope\n'),
    );
    const { code, stderr } = await docker(['pause', 'nope']);
    expect([code, stderr]).toEqual([1, 'Error response from daemon: No such container: nope\n']);
  });

  it('shows events', async () => {
    await docker(['network', 'create', 'seen']);
    const { code, stdout } = await docker([
      'events',
      '--since',
      '1',
      '--until',
      String(Math.ceil(Date.now() / 1000) + 1),
      '--filter',
      'network=seen',
    ]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/ network create [0-9a-f]{64} \(name=seen, type=bridge\)\n$/);
  });
});
