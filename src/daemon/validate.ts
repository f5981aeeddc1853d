import { parseStoreOptions } from '../../kvstore/remote/options.ts';
import { parseStoreSpec } from '../../kvstore/remote/spec.ts';
import { refuseOpenTcp } from '../api/http/listeners/listen.ts';
import { FairleadError } from '../lib/errors.ts';
import type { DaemonConfig, Problem } from './config.ts';
import { readTlsKeys } from './tls-keys.ts';

/**
 * What a start would refuse though every value is well written: files that cannot be read, options that the store
 * does not know, a socket that would be open to all. It asks no server, and changes nothing.
 */
export async function problemsOutside(config: DaemonConfig): Promise<readonly Problem[]> {
  const { tls, kvStore, kvStoreOptions, hosts } = config;
  const checks = [
    async () => tls && (await readTlsKeys(tls)),
    async () => kvStore && parseStoreOptions(parseStoreSpec(kvStore).provider, kvStoreOptions),
    ...hosts.map((host) => async () => host.kind === 'tcp' && refuseOpenTcp(host, tls !== undefined)),
  ];
  const problems: Problem[] = [];
  for (const check of checks) {
    try {
      await check();
    } catch (error) {
      if (!(error instanceof FairleadError)) throw error;
      problems.push({ text: error.message });
    }
  }
  return problems;
}
