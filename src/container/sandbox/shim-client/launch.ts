import * as z from 'zod';
import type { Job } from '../../shim/protocol.ts';
import { hostPid, type Namespaces } from '../namespaces/namespaces.ts';
import { killTree, type ProcessIdentity } from '../process-identity.ts';
import { CommandError } from '../programs.ts';

export const replySchema = z.union([
  z.object({ started: z.object({ pid: z.number().int() }) }),
  z.object({ failed: z.object({ exitCode: z.number().int(), message: z.string() }) }),
]);

export interface Launched {
  readonly outer: ProcessIdentity;
  /** The program's, on the host; 0 where there is none. */
  readonly pid: number;
}

/**
 * Has the waiting shim do its job; resolves when the program has been executed.
 * @throws CommandError when it could not be; internal as `Namespaces.ask`. Nothing is left then.
 */
export async function runInShim(shim: Namespaces, job: Omit<Job, 'ownDevices'>): Promise<Launched> {
  const ownDevices = shim.plan.devices !== '';
  const { answer, outer } = await shim.ask(JSON.stringify({ ...job, ownDevices } satisfies Job));
  const reply = replySchema.parse(JSON.parse(answer));
  if ('started' in reply) {
    const { pid } = reply.started;
    return { outer, pid: pid === 0 ? 0 : (hostPid(outer.pid, pid) ?? 0) };
  }
  await killTree(outer);
  throw new CommandError(reply.failed.message, reply.failed.exitCode);
}
