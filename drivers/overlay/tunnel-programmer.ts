import type { TunnelEntries, Tunnels } from '../../src/dataplane/tunnels.ts';
import type { Peer, Spare } from '../driver.ts';
import { applyChanges, diffEntries, entriesFor, isEmpty, sparing } from './peers.ts';

/**
 * The entries of this host's tunnels. What they hold is read from the kernel once, and again after each look at
 * the device (at a start, every minute, after a repair): two processes less for every attach of the cluster.
 */
export class TunnelProgrammer {
  /** By device. A pass that was under way while somebody asked to look again has an older object, and changes that. */
  readonly #known = new Map<string, { entries?: TunnelEntries | undefined }>();

  constructor(private readonly dataplane: Pick<Tunnels, 'tunnelEntries' | 'changeTunnel'>) {}

  /** The device may have been made anew, or changed behind our back. */
  lookAgain(device: string): void {
    this.#known.set(device, {});
  }

  forget(device: string): void {
    this.#known.delete(device);
  }

  /** After: the device leads to these endpoints, and to no others unless they are spared. @throws not-found */
  async program(device: string, peers: readonly Peer[], spare?: Spare): Promise<void> {
    const known = this.#known.get(device) ?? {};
    const present = known.entries ?? (await this.dataplane.tunnelEntries(device));
    known.entries = undefined;
    const all = diffEntries(present, entriesFor(peers));
    const changes = spare ? sparing(all, spare.except) : all;
    if (!isEmpty(changes)) await this.dataplane.changeTunnel(device, changes);
    known.entries = applyChanges(present, changes);
  }
}
