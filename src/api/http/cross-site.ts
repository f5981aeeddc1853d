import type { IncomingMessage } from 'node:http';
import { FairleadError } from '../../lib/errors.ts';
import { isLoopback } from '../../lib/host-address.ts';
import { notJson } from './body.ts';

/** The names by which clients may address a tcp listener. */
export interface ListenerNames {
  readonly scheme: 'http' | 'https';
  /** As configured. */
  readonly host: string;
  /** `--api-name`: what else it is called, as behind a tunnel. */
  readonly names: readonly string[];
}

type CheckedRequest = Pick<IncomingMessage, 'method' | 'url' | 'headers' | 'headersDistinct'>;

/**
 * Keeps out, on tcp, whatever a web page of somebody else may have sent. A browser sends a page's requests to any address,
 * so a page that its user only looks at would have what the listener gives: root.
 * Four things are looked at, of which each stops what the others cannot see:
 * - `Host`: a page whose own name was made to mean our address (DNS rebinding) is same-origin to the browser, and names itself.
 * - `Sec-Fetch-Site` (Fetch Metadata): browsers since 2020 to 2023 say that another site asks, of a GET as well.
 * - `Origin` (RFC 6454, Fetch 3.2): with every cross-origin POST, with every WebSocket, and never with what programs send.
 * - `Content-Type`: what a form or a request that needs no preflight can send (Fetch, CORS-safelisted) is no call of this API.
 * @throws forbidden, or invalid for the last, in the Engine's words
 */
export function refuseCrossSite(request: CheckedRequest, listener: ListenerNames): void {
  const { headersDistinct: headers } = request;
  const [host = ''] = headers.host ?? [];
  if (headers.host?.length !== 1 || !isNamed(host, listener)) {
    throw new FairleadError(
      'forbidden',
      `the Host header "${host}" is no name of this listener: expected an address of it or localhost; others are given to the daemon with --api-name`,
    );
  }
  const site = headers['sec-fetch-site']?.find((each) => each !== 'same-origin' && each !== 'none');
  if (site !== undefined) throw fromPage(`Sec-Fetch-Site: ${site}`);
  const own = `${listener.scheme}://${host}`.toLowerCase();
  const foreign = headers.origin?.find((origin) => origin.toLowerCase() !== own);
  if (foreign !== undefined) throw fromPage(`Origin: ${foreign}`);
  refuseForms(request);
}

function fromPage(header: string): FairleadError {
  return new FairleadError('forbidden', `a web page of another site asked for this (${header})`);
}

/** A server's certificate has its name: to TLS clients no other name leads here, whatever an address was rebound to. */
function isNamed(header: string, { scheme, host, names }: ListenerNames): boolean {
  if (scheme === 'https') return true;
  const name = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(:\d{1,5})?$/i.exec(header)?.[1]?.replace(/^\[|\]$/g, '');
  if (name === undefined) return false;
  return isLoopback(name) || [host, ...names].some((known) => known.toLowerCase() === name.toLowerCase());
}

const formTypes = new Set(['application/x-www-form-urlencoded', 'multipart/form-data']);
/** What a page may send, too, where docker and docker-py send it themselves: `docker start` of old, `docker attach`. */
const plainTypes = new Set(['', 'text/plain']);
/** Whose bodies are archives, which docker and docker-py send as plain text or as nothing. */
const takesArchive = /^(\/v[\d.]+)?\/(images\/(create|load)|plugins\/create|build)\/?(\?|$)/;

/** POST is the only method without preflight that changes anything. */
function refuseForms({ method, url = '', headers }: CheckedRequest): void {
  const type = headers['content-type'] ?? '';
  const media = type.split(';')[0]?.trim().toLowerCase() ?? '';
  const hasBody = Number(headers['content-length'] ?? 0) > 0 || headers['transfer-encoding'] !== undefined;
  const isForms = formTypes.has(media) || (hasBody && plainTypes.has(media) && !takesArchive.test(url));
  if (method === 'POST' && isForms) throw notJson(type);
}
