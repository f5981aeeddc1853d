import * as z from 'zod';
import { engineSocketProblem } from '../../lib/engine-socket.ts';
import { type ErrorKind, FairleadError, messageOf } from '../../lib/errors.ts';

/** What is no JSON is handed over as bytes. */
const refusal = z.object({
  statusCode: z.number(),
  json: z.object({ message: z.string() }).optional().catch(undefined),
});

const kinds: Readonly<Record<number, ErrorKind>> = {
  400: 'invalid',
  403: 'forbidden',
  404: 'not-found',
  409: 'conflict',
};

/** Runs what the Engine may have done already: it answers 304 then, which dockerode takes for a failure. */
export async function unlessDone(call: () => Promise<unknown>): Promise<void> {
  try {
    await call();
  } catch (error) {
    if (refusal.safeParse(error).data?.statusCode !== 304) throw error;
  }
}

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

function unreachable(address: string, error: unknown): string {
  return `Docker Engine at ${address}: ${engineSocketProblem(error) ?? messageOf(error)}`;
}
