import * as z from 'zod';
import type { Job } from '../shim/protocol.ts';
import type { Command } from './command.ts';
import type { ContainerPaths } from './directory.ts';
import { hostPid, Namespaces, type Tenant } from './namespaces.ts';
import { killTree, type ProcessIdentity } from './process-identity.ts';
import { CommandError } from './programs.ts';

const replySchema = z.union([
  z.object({ started: z.object({ pid: z.number().int() }) }),
  z.object({ failed: z.object({ exitCode: z.number().int(), message: z.string() }) }),
]);

export interface Launched {
  readonly outer: ProcessIdentity;
  /** The program's, on the host. */
  readonly pid: number;
}

/**
 * Has the waiting shim run the command; resolves when the program has been executed.
 * @throws CommandError when it could not be; internal as `Namespaces.ask`. Nothing is left then.
 */
export async function runInShim(
  shim: Namespaces,
  { root }: ContainerPaths,
  command: Command,
  options: Pick<Job, 'openStdin' | 'holdFor'>,
): Promise<Launched> {
  const { user, ...rest } = command;
  const { uid, gid } = user;
  const job: Job = {
    ...rest,
    ...options,
    directory: root,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
  const { answer, outer } = await shim.ask(JSON.stringify(job));
  const reply = replySchema.parse(JSON.parse(answer));
  if ('started' in reply) return { outer, pid: hostPid(outer.pid, reply.started.pid) ?? 0 };
  await killTree(outer);
  throw new CommandError(reply.failed.message, reply.failed.exitCode);
}

/** A process that only holds the namespaces of a container without a command, for what is executed in it. */
export async function launchHolder(tenant: () => Tenant, network: string): Promise<ProcessIdentity> {
  const wait = 'read -r go && echo held && while :; do sleep 2147483647; done';
  const namespaces = new Namespaces(['/bin/sh', '-c', wait], network);
  await namespaces.settle(tenant);
  return (await namespaces.ask('go')).outer;
}
