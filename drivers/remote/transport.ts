import http from 'node:http';
import https from 'node:https';
import type { PluginAddress } from './address.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

/** Why there is no answer. */
export class NoAnswer extends Error {
  constructor(
    /** `unreachable`: nothing was sent, so it may be tried again; `late`, `broken`: what was done is not known. */
    readonly reason: 'unreachable' | 'late' | 'broken',
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A plugin's answers are small; one that goes on for ever must not fill the memory. */
const largestAnswer = 4 * 1024 * 1024;

/** What the Engine has sent since 1.13 (docker-facts 4.1). */
const accept = 'application/vnd.docker.plugins.v1.2+json';

/**
 * One request on a connection of its own, so that a plugin that was restarted is not met by a dead one.
 * @param limitMs for everything: connecting, asking, and the whole answer
 * @throws NoAnswer
 */
export function post(address: PluginAddress, method: string, body: string, limitMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let connected = false;
    const request = open(address, method, Buffer.byteLength(body));
    const fail = (reason: NoAnswer['reason'], message: string, cause?: unknown) => {
      clearTimeout(timer);
      reject(new NoAnswer(reason, message, { cause }));
      request.destroy();
    };
    const timer = setTimeout(() => fail('late', `no answer within ${limitMs / 1000} s`), limitMs);
    request.once('socket', (socket) =>
      socket.once('connect', () => {
        connected = true;
      }),
    );
    request.on('error', (error) => fail(connected ? 'broken' : 'unreachable', plainly(error), error));
    request.once('response', (response) => {
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > largestAnswer) fail('broken', `an answer of more than ${largestAnswer} bytes`);
      });
      response.on('error', (error) => fail('broken', plainly(error), error));
      response.once('end', () => {
        clearTimeout(timer);
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() });
      });
    });
    request.end(body);
  });
}

function open(address: PluginAddress, method: string, length: number): http.ClientRequest {
  const options = { method: 'POST', path: `/${method}`, agent: false } as const;
  const headers = { accept, 'content-length': length };
  // The name in Host is Node's own `localhost`; Docker sends none, and plugins do not look.
  if (address.kind === 'unix') return http.request({ ...options, socketPath: address.path, headers });
  const { host, port, tls } = address;
  if (!tls) return http.request({ ...options, host, port, headers });
  const { verify: rejectUnauthorized, ...keys } = tls;
  return https.request({ ...options, host, port, headers, ...keys, rejectUnauthorized });
}

function plainly(error: Error): string {
  const code = 'code' in error ? String(error.code) : '';
  const known: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connection refused',
    ENOENT: 'its socket is gone',
    EACCES: 'permission denied',
    ECONNRESET: 'it closed the connection without an answer',
    EPIPE: 'it closed the connection without an answer',
  };
  return known[code] ?? (error.message || code);
}
