import { hkdfSync } from 'node:crypto';
import type { Association, KeyedAssociation } from '../../src/dataplane/associations.ts';

/** A node at one end of encrypted tunnels, with one of its secrets. */
export interface TunnelEnd {
  /** Of the node. */
  readonly id: string;
  /** On the underlay. */
  readonly address: string;
  /** 32 random bytes in hex. */
  readonly secret: string;
}

/** Bytes: AES-256's key and the salt that starts each nonce (RFC 4106 sections 4 and 8.1). */
const keyLength = 32 + 4;
/** RFC 4303 section 2.1: less is reserved. */
const firstSpi = 0x100;

/**
 * The security association that carries what one node sends to another, known to both and to whoever reads
 * the store. AES-GCM is broken by a key under which two packets have the same number, and numbers start again
 * with each association; so each end puts a secret in, new in every life of its daemon, and neither
 * makes an association of the same secrets twice (own-secret.ts). The direction is in it as well: what one
 * node sends is never under the key of what it receives.
 */
export function associationFrom(sender: TunnelEnd, receiver: TunnelEnd): KeyedAssociation {
  const secrets = Buffer.from(sender.secret + receiver.secret, 'hex');
  const info = `fairlead esp 1 from ${sender.id} to ${receiver.id}`;
  const material = Buffer.from(hkdfSync('sha256', secrets, '', info, keyLength + 4));
  return {
    source: sender.address,
    destination: receiver.address,
    spi: firstSpi + (material.readUInt32BE(keyLength) % (2 ** 32 - firstSpi)),
    key: material.subarray(0, keyLength).toString('hex'),
  };
}

/** What the kernel knows it by, and what no two of a node share. */
export function nameOf({ source, destination, spi }: Association): string {
  return `${source} ${destination} ${spi}`;
}
