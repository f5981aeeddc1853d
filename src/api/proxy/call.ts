import http, { type IncomingHttpHeaders } from 'node:http';
import { FairleadError } from '../../lib/errors.ts';
import { engineAgent } from './agent.ts';
import { engineUnreachable } from './unreachable.ts';

export interface EngineAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Making a container copies its files where the storage driver is `vfs`, in milliseconds. */
const workMs = 120_000;

/**
 * One call of our own to the Engine, for what is put together from its answer and ours. JSON bodies only.
 * @throws unavailable when it does not answer within `patienceMs` milliseconds
 */
export function callEngine(
  socketPath: string,
  method: string,
  path: string,
  { body, patienceMs = workMs }: { readonly body?: string; readonly patienceMs?: number } = {},
): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(patienceMs);
    const failed = (error: unknown) => {
      const late = `the Docker Engine at unix://${socketPath} has not answered ${path} within ${patienceMs / 1000} s`;
      const reason = signal.aborted ? late : engineUnreachable(socketPath, error);
      reject(new FairleadError('unavailable', reason, { cause: error }));
    };
    const length = Buffer.byteLength(body ?? '');
    const ofBody = { 'Content-Type': 'application/json', 'Content-Length': length };
    const headers = { Host: 'docker', ...(body !== undefined && ofBody) };
    const call = http.request({ socketPath, method, path, headers, agent: engineAgent, signal }, (answer) => {
      const parts: Buffer[] = [];
      answer.on('data', (part: Buffer) => parts.push(part));
      answer.once('error', failed);
      answer.once('end', () => {
        const { statusCode: status = 0, headers } = answer;
        resolve({ status, headers, body: Buffer.concat(parts) });
      });
    });
    call.once('error', failed);
    call.end(body);
  });
}
