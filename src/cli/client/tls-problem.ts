/** Node's and OpenSSL's codes (verify(1), RFC 8446 6.2), with what a user is to do. */
const problems: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: "the daemon's certificate has expired",
  CERT_NOT_YET_VALID: "the daemon's certificate is not valid yet",
  ERR_TLS_CERT_ALTNAME_INVALID: "the daemon's certificate is for another name",
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    'it wants a client certificate: give --tlscert and --tlskey, or name a folder with FAIRLEAD_CERT_PATH',
  ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE: 'it refused the handshake, as where it wants a client certificate',
  ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE: 'it does not accept your certificate',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'your certificate has expired',
  ERR_SSL_TLSV1_ALERT_UNKNOWN_CA: 'it does not know the authority of your certificate',
};

/** A chain that ends at nobody whom we know has several codes. */
const untrusted = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
]);

/** Why a connection over tcp failed, where TLS has to do with it. */
export function tlsProblemOf(code: string | undefined, message = '', speaksTls: boolean): string | undefined {
  if (code === undefined) return undefined;
  if (untrusted.has(code))
    return "the daemon's certificate is not signed by an authority that you trust: name its CA with --tlscacert";
  if (code === 'EPROTO') return brokenProtocol(message);
  const problem = problems[code];
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return `${problem} (${message.replace(/^.*?: /, '')})`;
  // A server that speaks TLS ends what it does not understand.
  if (code === 'ECONNRESET' && !speaksTls)
    return 'it closed the connection, as one does that wants TLS: see --tlsverify';
  return problem;
}

/** `write EPROTO …:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:…` */
function brokenProtocol(message: string): string {
  const [, reason = 'the TLS handshake failed'] = /SSL routines:[^:]*:([^:]+)/.exec(message) ?? [];
  const noTls = reason === 'wrong version number' || reason === 'packet length too long';
  return noTls ? 'it speaks no TLS: leave out --tls and --tlsverify, or name the TLS port' : reason;
}
