import { constants } from 'node:crypto';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { FairleadError } from '../../../lib/errors.ts';
import type { QuietLog } from '../../../lib/quiet-log.ts';

/** OpenSSL's words for what is wrong with a certificate (verify(1)), as Node has them. */
const reasons: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'your certificate has expired',
  CERT_NOT_YET_VALID: 'your certificate is not valid yet',
  INVALID_PURPOSE: 'your certificate is not one for clients (extendedKeyUsage clientAuth)',
};
const unknownAuthority =
  'your certificate is not signed by the authority that this daemon trusts (--tlscacert)';

/**
 * Clients are asked for a certificate; one without, or with another's, is told so (`refuseUnknownClient`) instead of being cut
 * off, so it gets a connection. No session may be taken up again: of a TLS 1.3 session that is, Node takes a client without a
 * certificate for `authorized` (VerifyPeerCertificate in crypto_common.cc, for the sake of PSK).
 */
export const clientCertificates = {
  requestCert: true,
  rejectUnauthorized: false,
  minVersion: 'TLSv1.2',
  secureOptions: constants.SSL_OP_NO_TICKET,
} as const;

/** @throws forbidden when the client has no certificate, or not one that counts here */
export function refuseUnknownClient(socket: Socket): void {
  if (socket instanceof TLSSocket && socket.authorized && hasCertificate(socket)) return;
  const reason = socket instanceof TLSSocket ? reasonOf(socket) : 'this daemon wants TLS';
  throw new FairleadError('forbidden', `TLS: ${reason}`);
}

function reasonOf(socket: TLSSocket): string {
  if (!hasCertificate(socket)) {
    return 'this daemon wants a client certificate: give --tlscert and --tlskey';
  }
  return reasons[String(socket.authorizationError)] ?? unknownAuthority;
}

function hasCertificate(socket: TLSSocket): boolean {
  return Object.keys(socket.getPeerCertificate()).length > 0;
}

/** Logs connections that failed before their first request, so that an operator sees why a client fails. */
export function noteTlsFailures(server: Server, quiet: QuietLog): void {
  server.on('tlsClientError', (error: Error & { readonly reason?: string }, { remoteAddress }: TLSSocket) => {
    const reason = error.reason ?? error.message;
    // A socket that is closed has no address any more.
    const who = remoteAddress === undefined ? 'a client' : remoteAddress;
    quiet.log(`a TLS handshake with ${who} failed: ${alerts[reason] ?? reason}`);
  });
}

const alerts: Readonly<Record<string, string>> = {
  'http request': 'it speaks HTTP without TLS',
  'wrong version number': 'it speaks no TLS',
  'socket hang up': "it left, as one does that does not trust this daemon's certificate",
  'tlsv1 alert unknown ca': "it does not know the authority of this daemon's certificate",
  'sslv3 alert bad certificate': "it does not accept this daemon's certificate",
  'sslv3 alert certificate expired': "it finds this daemon's certificate expired",
};
