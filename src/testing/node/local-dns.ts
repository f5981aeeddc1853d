import type { StartableDns } from '../../daemon/platform.ts';
import { createDns, type Dns } from '../../dns/dns.ts';
import type { NamesToReplicate } from '../../dns/thread/name-replica-writer.ts';
import type { DnsThreadParts } from '../../dns/thread/remote-dns.ts';
import { FairleadError } from '../../lib/errors.ts';

/** DNS on this thread, which starts in no time, and asks nobody beyond: a test is to get the same answers everywhere. */
export class LocalDns implements StartableDns {
  #dns: Dns | undefined;

  constructor(private readonly parts: DnsThreadParts) {}

  async start(directory: NamesToReplicate): Promise<void> {
    const { options, log } = this.parts;
    this.#dns = createDns({ directory, log, options: { ...options, resolvConf: '/nonexistent' } });
    await this.#dns.start();
  }

  async ensureListeners(...args: Parameters<Dns['ensureListeners']>) {
    await this.#started().ensureListeners(...args);
  }

  async status() {
    return this.#started().status();
  }

  async dump() {
    return this.#started().dump();
  }

  async refresh() {
    this.#started().refresh();
  }

  async resync() {
    return this.#started().resync();
  }

  async lookupAs(...args: Parameters<Dns['lookupAs']>) {
    return await this.#started().lookupAs(...args);
  }

  async metrics() {
    return this.#started().metrics();
  }

  async close(): Promise<void> {
    await this.#dns?.close();
  }

  #started(): Dns {
    if (this.#dns) return this.#dns;
    throw new FairleadError('unavailable', 'DNS has not been started');
  }
}
