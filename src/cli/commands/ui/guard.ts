import type { IncomingMessage } from 'node:http';

/**
 * Why a request is refused; undefined: it may have come from the page or its reader. A page of another site reaches
 * this port, too, by a name of its own that was made to mean 127.0.0.1 (`Host`), or by its own origin.
 */
export function refusal({ headersDistinct: headers }: IncomingMessage, port: number): string | undefined {
  const names = [`127.0.0.1:${port}`, `localhost:${port}`];
  const [host = ''] = headers.host ?? [];
  if (headers.host?.length !== 1 || !names.includes(host))
    return `the Host header "${host}" is not this page's`;
  const origin = headers.origin?.find((each) => each !== `http://${host}`);
  if (origin !== undefined) return `a page of another origin asked for this (${origin})`;
  const site = headers['sec-fetch-site']?.find((each) => each !== 'same-origin' && each !== 'none');
  return site === undefined ? undefined : `a page of another site asked for this (Sec-Fetch-Site: ${site})`;
}

/** With every answer. The page loads what is here, speaks with here, and is shown in no other page. */
export const safeHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
} as const;
