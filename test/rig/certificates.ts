import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Paths of PEM files. */
export interface Certificates extends AsyncDisposable {
  readonly ca: string;
  readonly server: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly client: { readonly cert: string; readonly key: string };
  /** An authority that signed none of these. */
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
  for (const name of ['server', 'client']) {
    const request = ['-subj', `/CN=flt-${name}`, '-keyout', at(`${name}.key`), '-out', at(`${name}.csr`)];
    openssl('req', '-new', '-newkey', 'rsa:2048', '-nodes', ...request);
    const signer = [
      '-CA',
      at('ca.pem'),
      '-CAkey',
      at('ca.key'),
      '-CAcreateserial',
      '-extfile',
      at('extensions'),
    ];
    openssl('x509', '-req', '-days', '1', '-in', at(`${name}.csr`), '-out', at(`${name}.pem`), ...signer);
  }
  return {
    ca: at('ca.pem'),
    server: { ca: at('ca.pem'), cert: at('server.pem'), key: at('server.key') },
    client: { cert: at('client.pem'), key: at('client.key') },
    otherCa: at('other.pem'),
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
}

function openssl(...args: string[]): void {
  const { status, stderr } = spawnSync('openssl', args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}
