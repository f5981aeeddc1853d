import { FairleadError } from '../../../lib/errors.ts';
import { joinHostPort } from '../../../lib/host-address.ts';
import type { PortTarget, PublishedPort } from '../../firewall.ts';
import { bindTcp, bindUdp, type Relay } from './relay.ts';

interface Held {
  readonly relay: Relay;
  target: PortTarget | undefined;
}

/**
 * The sockets that keep published ports from programs of the host. What the firewall redirects never gets
 * to them; what does get here is relayed. SCTP, which Node does not speak, is not held.
 */
export class HeldPorts {
  readonly #held = new Map<string, Held>();

  /** @throws conflict when a program has the port; unsupported when the host has no such address */
  async hold(port: PublishedPort, target: PortTarget | undefined): Promise<void> {
    const known = this.#held.get(keyOf(port));
    if (known) known.target = target ?? known.target;
    if (known || port.protocol === 'sctp') return;
    const bind = port.protocol === 'tcp' ? bindTcp : bindUdp;
    try {
      const relay = await bind(port, () => this.#held.get(keyOf(port))?.target);
      this.#held.set(keyOf(port), { relay, target });
    } catch (error) {
      throw refused(port, error);
    }
  }

  async release(port: PublishedPort): Promise<void> {
    const held = this.#held.get(keyOf(port));
    this.#held.delete(keyOf(port));
    await held?.relay.close();
  }

  async close(): Promise<void> {
    const all = [...this.#held.values()];
    this.#held.clear();
    for (const { relay } of all) await relay.close();
  }
}

function keyOf({ protocol, address, port }: PublishedPort): string {
  return `${protocol} ${address} ${port}`;
}

/** In the words that dockerd has for its own proxy. */
function refused({ protocol, address, port }: PublishedPort, error: unknown): FairleadError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const absent = code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT';
  const why =
    code === 'EADDRINUSE' ? 'address already in use' : absent ? 'cannot assign requested address' : code;
  return new FairleadError(
    absent ? 'unsupported' : 'conflict',
    `listen ${protocol}${address.includes(':') ? 6 : 4} ${joinHostPort(address, port)}: bind: ${why}`,
    { cause: error },
  );
}
