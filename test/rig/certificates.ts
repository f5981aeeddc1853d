import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificates extends AsyncDisposable {
  readonly ca: string;
  readonly server: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
  /** A client's whose certificate was valid until yesterday, and one's that another authority signed. */
  readonly expired: { readonly cert: string; readonly key: string };
  readonly stranger: { readonly cert: string; readonly key: string };
  /** An authority that signed nothing else. */
  readonly otherCa: string;
}

/** Made anew by openssl for each use, valid for a day, for 127.0.0.1. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = await mkdtemp(join(tmpdir(), 'flt-tls-'));
  const at = (name: string) => join(directory, name);
  const extensions = ['subjectAltName=IP:127.0.0.1,DNS:localhost', 'extendedKeyUsage=serverAuth,clientAuth'];
  await writeFile(at('extensions'), extensions.join('\n'));
  for (const name of ['ca', 'other']) {
    const subject = ['-subj', `/CN=flt ${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.pem`)];
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '1', ...subject);
  }
  const authorities = { server: 'ca', client: 'ca', expired: 'ca', stranger: 'other' };
  for (const [name, authority] of Object.entries(authorities)) {
    const request = ['-subj', `/CN=flt-${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)];
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', ...request);
    const signer = [
      '-CA',
      at(`${authority}.pem`),
      '-CAkey',
      at(`${authority}.key`),
      '-CAcreateserial',
      '-extfile',
      at('extensions'),
    ];
    openssl(
      'x509',
      '-req',
      '-days',
      name === 'expired' ? '-1' : '1',
      '-in',
      at(`${name}.csr`),
      '-out',
      at(`${name}.pem`),
      ...signer,
    );
  }
  return {
    ca: at('ca.pem'),
    server: { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') },
    client: { cert: at('client.pem'), key: at('client.key') },
    expired: { cert: at('expired.pem'), key: at('expired.key') },
    stranger: { cert: at('stranger.pem'), key: at('stranger.key') },
    otherCa: at('other.pem'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

/** With the client's files under the names that docker gives them. */
export async function certificateFolder({
  ca,
  client,
}: Certificates): Promise<{ path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'flt-certs-'));
  await copyFile(ca, join(path, 'ca.pem'));
  await copyFile(client.cert, join(path, 'cert.pem'));
  await copyFile(client.key, join(path, 'key.pem'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}
