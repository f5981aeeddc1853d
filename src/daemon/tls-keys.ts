import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { TlsKeys } from '../api/http/listeners/http-server.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';

/** Paths of PEM files. */
export interface TlsFiles {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** @throws invalid, naming the file that cannot be read, or when key and certificate do not belong together */
export async function readTlsKeys({ ca, cert, key }: TlsFiles): Promise<TlsKeys> {
  const keys = {
    ca: await read('tlscacert', ca),
    cert: await read('tlscert', cert),
    key: await read('tlskey', key),
  };
  try {
    createSecureContext(keys);
  } catch (error) {
    throw new FairleadError('invalid', `--tlscert ${cert} and --tlskey ${key}: ${messageOf(error)}`, {
      cause: error,
    });
  }
  return keys;
}

async function read(flag: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new FairleadError('invalid', `--${flag}: ${messageOf(error)}`, { cause: error });
  }
}
