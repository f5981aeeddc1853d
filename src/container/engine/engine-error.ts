import { z } from 'zod';
import { type ErrorKind, FairleadError, messageOf } from '../../lib/errors.ts';

const refusal = z.object({ statusCode: z.number(), json: z.object({ message: z.string() }).optional() });
const systemError = z.object({ code: z.string() });

const kinds: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
};

/** What dockerode rejects with, in our words: the Engine's own message, or why it cannot be reached. */
export function engineError(address: string, error: unknown): FairleadError {
  if (error instanceof FairleadError) return error;
  const refused = refusal.safeParse(error);
  if (refused.success) {
    const { statusCode, json } = refused.data;
    const message = json?.message.trim() ?? messageOf(error);
    return new FairleadError(kinds[statusCode] ?? 'internal', message, { cause: error });
  }
  return new FairleadError('unavailable', unreachable(address, error), { cause: error });
}

/** In one line: what is wrong with the socket, and what to do. */
function unreachable(address: string, error: unknown): string {
  const code = systemError.safeParse(error).data?.code;
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such socket: is the Engine running?',
    ECONNREFUSED: 'nothing listens there: is the Engine running?',
    EACCES: 'permission denied: run the daemon as root, or as a member of the group docker',
    ENOTSOCK: 'it is not a socket',
    // So ends a call that took too long, too.
    ECONNRESET: 'it does not answer',
  };
  return `Docker Engine at ${address}: ${reasons[code ?? ''] ?? messageOf(error)}`;
}
