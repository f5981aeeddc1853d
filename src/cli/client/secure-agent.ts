import { readFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { createSecureContext } from 'node:tls';
import { messageOf } from '../../lib/errors.ts';
import { Failure } from '../failure.ts';
import type { ClientTls, PemFile } from './tls.ts';

/** @throws Failure that names the file which is missing or does not fit */
export function secureAgent({ verify, ca, cert, key }: ClientTls): Agent {
  const keys = { ca: ca && read(ca), cert: read(cert), key: read(key) };
  if ((keys.cert === undefined) !== (keys.key === undefined)) {
    const missing = keys.cert === undefined ? cert : key;
    throw new Failure(`TLS: a certificate and its key go together, and there is no ${missing.path}`);
  }
  try {
    createSecureContext(keys);
  } catch (error) {
    throw new Failure(`TLS: ${cert.path} and ${key.path}: ${messageOf(error)}`, 1, { cause: error });
  }
  return new Agent({ ...keys, rejectUnauthorized: verify });
}

function read({ path, from, optional }: PemFile): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    if (missing && optional) return undefined;
    const problem = missing ? 'there is no such file' : messageOf(error);
    const expected = from.startsWith('--')
      ? `name one with ${from}`
      : 'it must hold ca.pem, cert.pem and key.pem';
    throw new Failure(`TLS: cannot read ${path} (${from}): ${problem}; ${expected}`, 1, { cause: error });
  }
}
