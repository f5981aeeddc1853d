import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../rig/certificates.ts';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { freePorts } from '../rig/server.ts';

/** The real docker CLI over tcp with certificates, and everybody else kept out. */
describe('TLS on tcp', () => {
  let certificates: Certificates;
  let daemon: TestDaemon;
  let port = 0;

  beforeAll(async () => {
    certificates = await makeCertificates();
    port = (await freePorts(1))[0] ?? 0;
    const { ca, cert, key } = certificates.server;
    daemon = await TestDaemon.start({
      flags: [
        ...['--dataplane', 'simulated', '--dns-listen', 'none', '-H', `tcp://0.0.0.0:${port}`],
        ...['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key],
      ],
    });
  });

  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await certificates[Symbol.asyncDispose]();
  });

  const docker = (...words: string[]) =>
    runToEnd(['docker', '-H', `tcp://127.0.0.1:${port}`, ...words], {
      ...process.env,
      DOCKER_HOST: undefined,
    });
  const withKeys = (ca = certificates.ca) => [
    ...['--tlsverify', '--tlscacert', ca],
    ...['--tlscert', certificates.client.cert, '--tlskey', certificates.client.key],
  ];

  it('serves a client with a certificate of the CA, streams included', async () => {
    const { code, stdout } = await docker(...withKeys(), 'network', 'ls', '--format', '{{.Name}}');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'bridge\nhost\nnone\n' });
    expect((await docker(...withKeys(), 'network', 'create', 'foo')).code).toBe(0);
    const until = String(Math.ceil(Date.now() / 1000) + 1);
    const events = await docker(...withKeys(), 'events', '--since', '0', '--until', until);
    expect(events.code).toBe(0);
    expect(events.stdout).toContain('network create');
  });

  it('refuses one without a certificate, and one that speaks plain HTTP', async () => {
    const bare = await runToEnd(['curl', '-sSk', `https://127.0.0.1:${port}/_ping`]);
    expect(bare.stdout).toBe('');
    expect(bare.stderr).toMatch(/certificate required|alert|reset/);
    expect((await docker('network', 'ls')).code).toBe(1);
  });

  it('is not trusted by a client that knows another CA', async () => {
    const { code, stderr } = await docker(...withKeys(certificates.otherCa), 'network', 'ls');
    expect(code).toBe(1);
    expect(stderr).toContain('x509: certificate signed by unknown authority');
  });

  it('is needed off loopback, and its files have to be there', async () => {
    const start = (...flags: string[]) =>
      TestDaemon.start({ flags: ['--dataplane', 'simulated', '--dns-listen', 'none', ...flags] });
    await expect(start('-H', `tcp://0.0.0.0:${port}`)).rejects.toThrow(
      'without TLS: expected a loopback address',
    );
    const { ca, cert } = certificates.server;
    const files = ['--tlscacert', ca, '--tlscert', cert, '--tlskey', '/nowhere/key.pem'];
    await expect(start('-H', `tcp://0.0.0.0:${port}`, ...files)).rejects.toThrow(
      "--tlskey: ENOENT: no such file or directory, open '/nowhere/key.pem'",
    );
  });
});
