import type { ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import type { Job } from '../shim/protocol.ts';
import type { Command } from './command.ts';
import type { ContainerPaths } from './directory.ts';
import { enterNewNamespaces, hostPid, type NamespaceSpec } from './namespaces.ts';
import { isAlive, killTree, type ProcessIdentity, readIdentity } from './process-identity.ts';
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

/** A shim that waits for its job. It ends by itself when this process does, or lets go of its stdin. */
export function startShim(where: Omit<NamespaceSpec, 'command'>, shim: string): ChildProcess {
  const child = enterNewNamespaces({ ...where, command: [process.execPath, shim] });
  child.stdin?.on('error', () => {});
  return child;
}

/**
 * Has the waiting shim run the command; resolves when the program has been executed.
 * @throws CommandError when it could not be; internal when the namespaces could not be made. Nothing is left then.
 */
export async function runInShim(
  child: ChildProcess,
  paths: ContainerPaths,
  command: Command,
  options: Pick<Job, 'openStdin' | 'holdFor'>,
): Promise<Launched> {
  const { user, ...rest } = command;
  const { uid, gid } = user;
  const job: Job = {
    ...rest,
    ...options,
    ...(uid === undefined ? {} : { uid }),
    ...(gid === undefined ? {} : { gid }),
  };
  child.stdin?.write(`${JSON.stringify(job)}\n`);
  const line = await firstLine(child);
  const outer = readIdentity(paths.process);
  const reply = line === undefined ? undefined : replySchema.safeParse(JSON.parse(line)).data;
  if (reply && 'started' in reply && outer) {
    return { outer, pid: hostPid(outer.pid, reply.started.pid) ?? 0 };
  }
  if (outer) await killTree(outer);
  if (reply && 'failed' in reply) throw new CommandError(reply.failed.message, reply.failed.exitCode);
  throw setUpError(paths);
}

/** A process that only holds the namespaces of a container without a command, for what is executed in it. */
export async function launchHolder(where: Omit<NamespaceSpec, 'command'>): Promise<ProcessIdentity> {
  const wait = 'echo ready; while :; do sleep 2147483647; done';
  const line = await firstLine(enterNewNamespaces({ ...where, command: ['/bin/sh', '-c', wait] }));
  const outer = readIdentity(where.paths.process);
  if (line === 'ready' && outer && isAlive(outer)) return outer;
  throw setUpError(where.paths);
}

/** `shim.cjs` beside the bundles. @throws internal when it was not built */
export function shimPath(): string {
  // From dist, from dist/bin and dist/chunks, and from the sources, whose tests have built dist before.
  const candidates = ['./shim.cjs', '../shim.cjs', '../../../dist/shim.cjs'];
  const found = candidates.map((path) => fileURLToPath(new URL(path, import.meta.url))).find(existsSync);
  if (found) return found;
  throw new FairleadError('internal', 'dist/shim.cjs is missing; build it with: npm run build');
}

/** Undefined when the process ended without one. Lets go of the process and its pipes afterwards. */
async function firstLine(child: ChildProcess): Promise<string | undefined> {
  try {
    return await new Promise((resolve, reject) => {
      let text = '';
      child.once('error', reject);
      child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
        const newline = text.indexOf('\n');
        if (newline >= 0) resolve(text.slice(0, newline));
      });
      child.stdout?.once('close', () => resolve(undefined));
    });
  } finally {
    child.stdin?.destroy();
    child.stdout?.destroy();
    child.unref();
  }
}

function setUpError(paths: ContainerPaths): FairleadError {
  const said = existsSync(paths.errors) ? readFileSync(paths.errors, 'utf8').trim() : '';
  return new FairleadError(
    'internal',
    `the container's namespaces could not be made: ${said || 'no reason given'}`,
  );
}
