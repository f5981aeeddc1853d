import http from 'node:http';
import type { Case } from './case.ts';

export interface Answer {
  readonly status: number;
  readonly text: string;
}

const newest = '1.51';
/** The Engine looks for an unknown plugin for 15 s. */
const timeoutMs = 25_000;

/** `{NAME}`: what an earlier answer captured; `{NAME:12}`: the beginning of that. */
function fill(template: string, captured: ReadonlyMap<string, string>): string {
  return template.replace(/\{(\w+)(?::(\d+))?\}/g, (_, name: string, length?: string) =>
    name === 'now'
      ? String((Date.now() + 1) / 1000)
      : (captured.get(name) ?? `no-${name}`).slice(0, length === undefined ? undefined : Number(length)),
  );
}

/** One call to the daemon behind the socket, with what earlier answers captured filled in. */
export async function callOne(
  socketPath: string,
  { call, body, headers, version = newest }: Case,
  captured: ReadonlyMap<string, string>,
): Promise<Answer> {
  const [method = '', template = ''] = call.split(/ (.*)/);
  const path = fill(template, captured);
  const text = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const payload = text === undefined ? undefined : fill(text, captured);
  const sent = headers ?? (payload === undefined ? {} : { 'content-type': 'application/json' });
  return await new Promise((resolve) => {
    const request = http.request(
      {
        socketPath,
        method,
        path: `${version === '' ? '' : `/v${version}`}${path}`,
        headers: { ...sent, ...(payload !== undefined && { 'content-length': Buffer.byteLength(payload) }) },
        agent: false,
        timeout: timeoutMs,
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.once('close', () =>
          resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }),
        );
      },
    );
    request.once('timeout', () => request.destroy(new Error(`${call}: no answer in ${timeoutMs} ms`)));
    // Broken off without an answer: that, too, can be compared.
    request.once('error', (error: NodeJS.ErrnoException) =>
      resolve({ status: 0, text: error.code ?? error.message }),
    );
    request.end(payload);
  });
}
