import { readdirSync, readlinkSync } from 'node:fs';
import { runToEnd } from '../../lib/child.ts';
import { FairleadError } from '../../lib/errors.ts';
import type { ProcessTable } from '../runtime.ts';
import { childrenOf } from '../shim/process-tree.ts';
import { parentOf } from './process-identity.ts';

/**
 * What the host's `ps` says of the processes in the PID namespace of `init`, as the Engine does it. PID 1, the
 * shim below it, and what is between that and `main` are not the container's own.
 * @throws invalid for arguments that ps refuses, or whose output has no PID column
 */
export async function listProcesses(init: number, main: number, psArgs: string): Promise<ProcessTable> {
  const args = psArgs.split(/\s+/).filter((word) => word !== '');
  const [head = '', ...lines] = (await ps(args)).split('\n').filter((line) => line !== '');
  const titles = head.trim().split(/\s+/);
  const pidAt = titles.indexOf('PID');
  if (pidAt < 0) throw new FairleadError('invalid', "Couldn't find PID field in ps output");
  const inside = pidsBeside(init);
  for (const pid of [init, ...childrenOf(init), ...ancestorsOf(main)]) inside.delete(pid);
  const processes = lines.map((line) => fieldsOf(line, titles.length));
  return { titles, processes: processes.filter((fields) => inside.has(Number(fields[pidAt]))) };
}

async function ps(args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await runToEnd(['ps', ...args]);
  if (code === 0) return stdout;
  const [reason = ''] = stderr.split('\n');
  throw new FairleadError('invalid', `ps: ${reason.replace(/^error: /, '') || `exit code ${code}`}`);
}

/** The last column is a command line, which has spaces of its own. */
function fieldsOf(line: string, count: number): readonly string[] {
  const words = line.trim().split(/\s+/);
  return words.length <= count ? words : [...words.slice(0, count - 1), words.slice(count - 1).join(' ')];
}

function pidsBeside(init: number): Set<number> {
  const own = namespaceOf(init);
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return new Set(own === undefined ? [] : all.filter((pid) => namespaceOf(pid) === own));
}

function ancestorsOf(pid: number): readonly number[] {
  const parent = parentOf(pid);
  return parent > 0 ? [parent, ...ancestorsOf(parent)] : [];
}

/** Undefined when the process has ended. */
function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
