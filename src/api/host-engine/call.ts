import http from 'node:http';
import { z } from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import { engineUnreachable } from './unreachable.ts';

export interface EngineAnswer {
  readonly status: number;
  readonly body: Buffer;
}

/** How long a short answer may take, in milliseconds. */
const answerMs = 30_000;

/**
 * One call of our own to the Engine, for what is put together from its answer and ours. JSON bodies only.
 * @throws unavailable when it does not answer
 */
export function callEngine(
  socketPath: string,
  method: string,
  path: string,
  body?: string,
): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const failed = (error: unknown) =>
      reject(new FairleadError('unavailable', engineUnreachable(socketPath, error), { cause: error }));
    const headers = { Host: 'docker', ...(body !== undefined && { 'Content-Type': 'application/json' }) };
    const signal = AbortSignal.timeout(answerMs);
    const call = http.request({ socketPath, method, path, headers, agent: false, signal }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.once('error', failed);
      answer.once('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts) }));
    });
    call.once('error', failed);
    call.end(body);
  });
}

const object = z.record(z.string(), z.unknown());

/** A JSON object of the Engine. @throws unavailable when it does not answer, or not with one */
export async function askEngine(socketPath: string, path: string): Promise<Record<string, unknown>> {
  const { status, body } = await callEngine(socketPath, 'GET', path);
  const parsed = status === 200 ? object.safeParse(parseJson(body.toString())) : undefined;
  if (parsed?.success) return parsed.data;
  throw new FairleadError(
    'unavailable',
    `the Docker Engine at unix://${socketPath} answered ${path} with ${status}`,
  );
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
