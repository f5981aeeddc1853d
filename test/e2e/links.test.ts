import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { dockerCli } from '../rig/engine-version.ts';
import { TestHost } from '../rig/namespace.ts';

let host: TestHost;
let daemon: TestDaemon;

beforeAll(async () => {
  host = await TestHost.create();
  daemon = await TestDaemon.start({
    namespace: host.path,
    flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
  });
});
afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  await host?.[Symbol.asyncDispose]();
});

async function docker(...words: string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(
    [dockerCli['28.5'], '-H', daemon.host, ...words],
    cleanEnvironment(),
  );
  expect(code, stderr).toBe(0);
  return stdout;
}

const linesWith = (text: string, word: string) => text.split('\n').filter((line) => line.includes(word));

/** What Engine 28.5.2 writes for the same commands. */
it('--link on the default network: a line of hosts and variables, which follow the target', async () => {
  const ports = ['--expose', '53/udp', '--expose', '5432', '--expose', '80'];
  await docker('run', '-d', '--name', 'db', '-e', 'A=1', ...ports, 'busybox', 'sleep', '1000');
  const id = (await docker('inspect', '-f', '{{.Id}}', 'db')).slice(0, 12);
  await docker('run', '-d', '--name', 'web', '--link', 'db:data-base', 'busybox', 'sleep', '1000');
  const hosts = () => docker('exec', 'web', 'cat', '/etc/hosts');
  expect(linesWith(await hosts(), 'data-base')).toEqual([`172.17.0.2\tdata-base ${id} db`]);
  const env = (await docker('exec', 'web', 'env'))
    .split('\n')
    .filter((line) => line.startsWith('DATA_BASE_'));
  expect(env.sort()).toEqual(
    [
      'DATA_BASE_ENV_A=1',
      'DATA_BASE_NAME=/web/data-base',
      'DATA_BASE_PORT=tcp://172.17.0.2:80',
      ...['53_UDP', '5432_TCP', '80_TCP'].flatMap((name) => {
        const [port = '', proto = ''] = name.toLowerCase().split('_');
        const variable = `DATA_BASE_PORT_${name}`;
        return [
          `${variable}=${proto}://172.17.0.2:${port}`,
          `${variable}_ADDR=172.17.0.2`,
          `${variable}_PORT=${port}`,
          `${variable}_PROTO=${proto}`,
        ];
      }),
    ].sort(),
  );
  await docker('restart', '-t', '0', 'db');
  const address = (await docker('exec', 'db', 'hostname', '-i')).trim();
  expect(linesWith(await hosts(), 'data-base')).toEqual([`${address}\tdata-base ${id} db`]);
  await docker('rm', '--link', 'web/data-base');
  expect(linesWith(await hosts(), 'data-base')).toEqual([]);
});
