import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../rig/certificates.ts';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { dockerCli } from '../rig/engine-version.ts';
import { TestHost } from '../rig/namespace.ts';

/** Of the host that the daemon has to itself. */
const port = 23_760;

/** The real docker CLI over TLS: it ends its half of the connection (close_notify) before it has read the answer. */
describe('programs over TLS', () => {
  let certificates: Certificates;
  let host: TestHost;
  let daemon: TestDaemon;

  beforeAll(async () => {
    certificates = await makeCertificates();
    host = await TestHost.create();
    const { ca, cert, key } = certificates.server;
    daemon = await TestDaemon.start({
      namespace: host.path,
      flags: [
        ...['--dataplane', 'linux', '--dns-listen', 'none', '-H', `tcp://127.0.0.1:${port}`],
        ...['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key],
      ],
    });
  });

  afterAll(async () => {
    await daemon?.[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await certificates?.[Symbol.asyncDispose]();
  });

  /** `timeout` ends with 124 what hangs. */
  const docker = (input: string, ...words: string[]) => {
    const { ca, client } = certificates;
    const keys = ['--tlsverify', '--tlscacert', ca, '--tlscert', client.cert, '--tlskey', client.key];
    const at = ['timeout', '20', dockerCli['28.5'], '-H', `tcp://127.0.0.1:${port}`, ...keys];
    return runToEnd(['nsenter', `--net=${host.path}`, ...at, ...words], cleanEnvironment(), input);
  };
  const done = (stdout: string) => ({ code: 0, stderr: '', stdout });

  it('run prints what the program says', async () => {
    expect(await docker('', 'run', '--rm', 'busybox', 'echo', 'hi')).toMatchObject(done('hi\n'));
  });

  it('run -i ends when its input does', async () => {
    expect(await docker('piped\n', 'run', '--rm', '-i', 'busybox', 'cat')).toMatchObject(done('piped\n'));
  });

  it('exec prints what the program says, with input and without', async () => {
    expect((await docker('', 'run', '-d', '--name', 'c1', 'busybox', 'sleep', '1000')).code).toBe(0);
    expect(await docker('', 'exec', 'c1', 'echo', 'ho')).toMatchObject(done('ho\n'));
    expect(await docker('in\n', 'exec', '-i', 'c1', 'cat')).toMatchObject(done('in\n'));
    expect((await docker('', 'rm', '-f', 'c1')).code).toBe(0);
  });
});
