import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import * as z from 'zod';
import { distFile } from '../../src/lib/dist-file.ts';
import { runToEnd } from '../rig/daemon.ts';

const program = distFile('bin/fairlead');
const where = z.object({
  dockerHost: z.string(),
  dns: z.string().optional(),
  pid: z.number(),
  nodes: z.array(z.object({ name: z.string(), dockerHost: z.string() })),
});

interface Fake extends z.infer<typeof where> {
  readonly child: ChildProcess;
}

async function start(flags: readonly string[], stdin: 'pipe' | 'ignore' = 'pipe'): Promise<Fake> {
  const child = spawn(process.execPath, [program, 'fake', ...flags], { stdio: [stdin, 'pipe', 'inherit'] });
  if (!child.stdout) throw new Error('stdout is a pipe');
  for await (const line of createInterface(child.stdout)) return { child, ...where.parse(JSON.parse(line)) };
  throw new Error('it ended without a word');
}

async function end({ child }: Fake): Promise<unknown> {
  const ended = once(child, 'exit');
  child.stdin?.end();
  return (await ended)[0];
}

describe('fairlead fake', () => {
  it('ends with the pipe that is its stdin, leaving nothing', async () => {
    const fake = await start(['--no-dns']);
    const socket = fake.dockerHost.slice('unix://'.length);
    expect([fake.pid, fake.dns, existsSync(socket)]).toEqual([fake.child.pid, undefined, true]);
    expect(await end(fake)).toBe(0);
    expect(existsSync(dirname(socket))).toBe(false);
  });

  it('outlives a stdin that is no pipe, as of a background job, until SIGTERM', async () => {
    const fake = await start(['--port', '0', '--nodes', '2'], 'ignore');
    const hosts = fake.nodes.map(({ dockerHost }) => dockerHost.replace('tcp', 'http'));
    expect(fake.nodes[0]?.dockerHost).toBe(fake.dockerHost);
    for (const host of hosts) expect((await fetch(`${host}/_ping`)).status).toBe(200);
    const ended = once(fake.child, 'exit');
    fake.child.kill('SIGTERM');
    expect((await ended)[0]).toBe(0);
  });

  it('says in one line what is wrong with its flags', async () => {
    const said = async (...flags: string[]) => {
      const { code, stderr } = await runToEnd([process.execPath, program, 'fake', ...flags]);
      return [code, stderr];
    };
    expect(await said('--port', '1', '--socket', '/x')).toEqual([
      125,
      "fairlead: --port and --socket: expected one of them, not both. See 'fairlead fake --help'.\n",
    ]);
    expect(await said('--nodes', '99')).toEqual([
      1,
      'cannot start the fake: invalid nodes 99: expected a whole number from 1 to 50\n',
    ]);
    expect(await said('--log-level', 'loud')).toEqual([
      125,
      "fairlead: --log-level: expected one of debug, info, warn, error, silent. See 'fairlead fake --help'.\n",
    ]);
  });
});

describe('over HTTP', () => {
  let fake: Fake;
  beforeAll(async () => {
    fake = await start(['--port', '0', '--nodes', '2', '--time', '2030-01-01T00:00:00Z']);
  });
  afterAll(() => end(fake));

  async function call(method: string, path: string, body?: unknown) {
    const url = `${fake.dockerHost.replace('tcp', 'http')}${path}`;
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(url, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  }
  const control = (what: string, body?: unknown, method = 'POST') =>
    call(method, `/fairlead/fake/${what}`, body);

  it('clock, nodes, store, health, logs and exits are what they are in the process', async () => {
    expect(await control('clock', { advance: '10m' })).toMatchObject({
      status: 200,
      body: { now: expect.stringMatching(/^2030-01-01T00:10:/) },
    });
    expect((await control('nodes', undefined, 'GET')).body).toMatchObject([
      { name: 'node1', isAlive: true },
      { name: 'node2', isAlive: true },
    ]);
    expect((await control('nodes/node2/die')).status).toBe(204);
    expect((await control('nodes', undefined, 'GET')).body).toMatchObject([{}, { isAlive: false }]);
    expect((await control('nodes/node2/revive')).status).toBe(204);
    expect((await control('store', { away: true, reason: 'cut' })).status).toBe(204);
    expect(await call('POST', '/networks/create', { Name: 'far', Driver: 'overlay' })).toMatchObject({
      status: 503,
      body: { message: expect.stringContaining(': cut') },
    });
    expect((await control('store', { away: false })).status).toBe(204);
    expect((await call('POST', '/networks/create', { Name: 'far', Driver: 'overlay' })).status).toBe(201);

    const script = await control('run', { image: 'job', answer: [{ exitCode: 4 }] });
    await call('POST', '/containers/create?name=job', { Image: 'job' });
    await call('POST', '/containers/create?name=web', { Image: 'web' });
    const exited = call('POST', '/containers/job/wait?condition=next-exit');
    for (const name of ['job', 'web'])
      expect((await call('POST', `/containers/${name}/start`)).status).toBe(204);
    expect((await exited).body).toEqual({ StatusCode: 4 });
    const { id } = z.object({ id: z.string() }).parse(script.body);
    expect((await control(`scripts/${id}`, undefined, 'DELETE')).status).toBe(204);
    expect((await control(`scripts/${id}`, undefined, 'DELETE')).status).toBe(404);
    expect((await control('containers/web/log', { text: 'hello\n', stream: 'stderr' })).status).toBe(204);
    expect((await control('containers/web/health', { status: 'unhealthy' })).status).toBe(204);
    expect((await call('GET', '/containers/web/json')).body).toMatchObject({
      State: { Health: { Status: 'unhealthy' }, StartedAt: expect.stringMatching(/^2030-01-01T00:10:/) },
    });
    expect((await control('containers/web/exit', { exitCode: 9 })).status).toBe(204);
    expect((await call('GET', '/containers/web/json')).body).toMatchObject({
      State: { ExitCode: 9, Running: false },
    });
    expect(await control('containers/web/exit')).toMatchObject({ status: 409 });
    expect((await control('reset')).status).toBe(204);
    expect((await call('GET', '/containers/json?all=1')).body).toEqual([]);
  });

  it.each([
    ['exec', { answer: {}, comand: 'x' }, 400, 'Unrecognized key: "comand"'],
    ['exec', { pattern: '(', answer: {} }, 400, 'pattern: expected a regular expression'],
    ['run', { answer: { exitCode: 300 } }, 400, 'answer'],
    ['clock', { advance: 'soon' }, 400, 'invalid duration "soon": expected milliseconds or a text such as'],
    ['faults', { on: 'networks' }, 400, 'invalid call "networks": expected METHOD, /PATH or METHOD /PATH'],
    ['store', { away: true, node: 'node9' }, 404, 'no node node9: there is node1, node2'],
    ['nodes/node1/die', {}, 400, 'node1 cannot answer that it is dead: ask another node'],
    ['containers/nobody/log', { text: 'x' }, 404, 'No such container: nobody'],
  ])('%s %j is refused', async (what, body, status, message) => {
    expect(await control(what, body)).toMatchObject({
      status,
      body: { message: expect.stringContaining(message) },
    });
  });

  it("docker-py's networks", async () => {
    const file = fileURLToPath(new URL('../clients/networks_test.py', import.meta.url));
    const pytest = ['/usr/bin/python3', '-m', 'pytest', '-q', '-p', 'no:cacheprovider', file];
    const env = { ...process.env, DOCKER_HOST: fake.dockerHost, PYTHONDONTWRITEBYTECODE: '1' };
    const { code, stdout } = await runToEnd(pytest, env);
    expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/\b19 passed/) });
  });
});
