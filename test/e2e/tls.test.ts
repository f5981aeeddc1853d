import { once } from 'node:events';
import { join } from 'node:path';
import { type ConnectionOptions, connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, certificateFolder, makeCertificates } from '../rig/certificates.ts';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { freePorts } from '../rig/server.ts';
import { until } from '../rig/until.ts';

const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));

/** One request by a client without a certificate. */
async function pinged(port: number, options: ConnectionOptions) {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...options });
  let session: Buffer | undefined;
  let answer = '';
  socket.on('session', (given: Buffer) => {
    session = given;
  });
  socket.on('data', (chunk: Buffer) => {
    answer += chunk;
  });
  await once(socket, 'secureConnect');
  const reused = socket.isSessionReused();
  socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  await once(socket, 'close');
  return { session, reused, answer: answer.split('\r\n')[0] };
}

/** The real docker CLI over tcp with certificates, and everybody else kept out. */
describe('TLS on tcp', () => {
  let certificates: Certificates;
  let daemon: TestDaemon;
  let port = 0;
  let freePort = 0;

  beforeAll(async () => {
    certificates = await makeCertificates();
    [port = 0, freePort = 0] = await freePorts(2);
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

  it('refuses one without a certificate, and says why to both sides; one that speaks plain HTTP too', async () => {
    const wanted = 'TLS: this daemon wants a client certificate: give --tlscert and --tlskey';
    for (const path of ['_ping', 'containers/json', 'v1.20/services']) {
      const bare = await runToEnd([
        'curl',
        '-sSk',
        '-w',
        '%{http_code}',
        `https://127.0.0.1:${port}/${path}`,
      ]);
      expect(bare.stdout).toContain(wanted);
      expect(bare.stdout.slice(-3)).toBe('403');
    }
    expect((await docker('network', 'ls')).code).toBe(1);
    await until('the log', () => daemon.output.includes(`refused a request of 127.0.0.1: ${wanted}`));
    await until('the log', () =>
      daemon.output.includes('a TLS handshake with 127.0.0.1 failed: it speaks HTTP without TLS'),
    );
  });

  /** Of dist/, over tcp; `FAIRLEAD_HOST` names nothing. */
  const ours = (program: 'fairlead' | 'docker', words: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    runToEnd([process.execPath, join(bin, program), '-H', `tcp://127.0.0.1:${port}`, ...words], {
      ...cleanEnvironment(),
      HOME: '/nonexistent',
      ...env,
    });
  const list = ['network', 'ls', '--format', '{{.Name}}'];

  it.each(['fairlead', 'docker'] as const)('our own %s speaks TLS when it is told to', async (program) => {
    const { code, stdout, stderr } = await ours(program, [...withKeys(), ...list]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe('bridge\nfoo\nhost\nnone\n');
    expect((await ours(program, [...withKeys(certificates.otherCa), ...list])).stderr).toBe(
      `cannot talk to tcp://127.0.0.1:${port}: the daemon's certificate is not signed by an authority that you trust: name its CA with --tlscacert\n`,
    );
    // Not verified is not clear text.
    expect((await ours(program, ['--tls', ...withKeys(certificates.otherCa).slice(3), ...list])).code).toBe(
      0,
    );
  });

  it('our own client says what a refusal was about, in one line', async () => {
    const errorOf = async (words: readonly string[], env: NodeJS.ProcessEnv = {}) => {
      const { code, stdout, stderr } = await ours('fairlead', [...words, ...list], env);
      return { code, stdout, stderr: stderr.trimEnd() };
    };
    const { ca, client, expired, stranger } = certificates;
    const verified = ['--tlsverify', '--tlscacert', ca];
    const said = (stderr: string, code = 1) => ({ code, stdout: '', stderr });
    const refused = 'Error response from daemon: TLS:';
    expect(await errorOf(verified)).toEqual(
      said(`${refused} this daemon wants a client certificate: give --tlscert and --tlskey`),
    );
    expect(await errorOf([...verified, '--tlscert', expired.cert, '--tlskey', expired.key])).toEqual(
      said(`${refused} your certificate has expired`),
    );
    expect(await errorOf([...verified, '--tlscert', stranger.cert, '--tlskey', stranger.key])).toEqual(
      said(
        `${refused} your certificate is not signed by the authority that this daemon trusts (--tlscacert)`,
      ),
    );
    expect(await errorOf([])).toEqual(
      said(
        `cannot talk to tcp://127.0.0.1:${port}: it closed the connection, as one does that wants TLS: see --tlsverify`,
      ),
    );
    expect(await errorOf(['--tlscacert', ca])).toEqual(
      said("fairlead: --tlscacert needs --tlsverify, or --tls. See 'fairlead network ls --help'.", 125),
    );
    expect(await errorOf([], { FAIRLEAD_CERT_PATH: '/nowhere' })).toEqual(
      said(
        'TLS: cannot read /nowhere/ca.pem (FAIRLEAD_CERT_PATH): there is no such file; it must hold ca.pem, cert.pem and key.pem',
      ),
    );
    expect(await errorOf([...verified, '--tlscert', client.cert, '--tlskey', expired.key])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^TLS: .*client\.pem and .*expired\.key: .*mismatch$/),
    });
    await until('the log', () => daemon.output.includes('TLS: your certificate has expired'));
  });

  it('the drop-in takes the folder that docker takes; fairlead has a variable of its own', async () => {
    await using folder = await certificateFolder(certificates);
    const dockers = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder.path };
    expect((await ours('docker', list, dockers)).code).toBe(0);
    expect((await ours('fairlead', list, dockers)).code).toBe(1);
    expect((await ours('fairlead', list, { FAIRLEAD_CERT_PATH: folder.path })).code).toBe(0);
    expect((await ours('docker', list, { ...dockers, FAIRLEAD_TLS_VERIFY: '' })).code).toBe(1);
  });

  it('is told from the certificate of another name, and from a port without TLS', async () => {
    await using open = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none', '-H', `tcp://127.0.0.1:${freePort}`],
    });
    expect(open.output).toContain(
      `tcp://127.0.0.1:${freePort} has no authentication: every user and program`,
    );
    const at = (host: string) =>
      runToEnd(
        [process.execPath, join(bin, 'fairlead'), '-H', host, ...withKeys(), ...list],
        cleanEnvironment(),
      );
    expect((await at(`tcp://127.0.0.1:${freePort}`)).stderr).toBe(
      `cannot talk to tcp://127.0.0.1:${freePort}: it speaks no TLS: leave out --tls and --tlsverify, or name the TLS port\n`,
    );
    expect((await at(`tcp://127.0.0.2:${port}`)).stderr).toMatch(
      /^cannot talk to tcp:\/\/127\.0\.0\.2:\d+: the daemon's certificate is for another name \(.*127\.0\.0\.2.*\)\n$/,
    );
  });

  it('keeps out the pages of others, with a certificate too', async () => {
    const { ca, client } = certificates;
    const curl = ['curl', '-sS', '--cacert', ca, '--cert', client.cert, '--key', client.key];
    const url = `https://127.0.0.1:${port}/_ping`;
    expect((await runToEnd([...curl, '-H', 'Host: by-any-name', url])).stdout).toBe('OK');
    const foreign = await runToEnd([...curl, '-H', 'Origin: https://evil.example', url]);
    expect(foreign.stdout).toBe(
      '{"message":"a web page of another site asked for this (Origin: https://evil.example)"}\n',
    );
  });

  it.each(['TLSv1.3', 'TLSv1.2'] as const)(
    'refuses one that takes its session up again, in %s',
    async (maxVersion) => {
      const first = await pinged(port, { maxVersion });
      expect(first.answer).toBe('HTTP/1.1 403 Forbidden');
      // Where no session is given there is none to take up.
      const again = await pinged(port, { maxVersion, ...(first.session && { session: first.session }) });
      expect(again).toMatchObject({ answer: 'HTTP/1.1 403 Forbidden', reused: false });
    },
  );

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
