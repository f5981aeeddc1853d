import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { readText } from '../../lib/read-text.ts';
import { childrenOf, readProc } from '../shim/process-tree.ts';

/**
 * A process that is this one and no later one with the same number: boot, pid and start time together.
 * Kept as one line, `BOOT_ID` and the process's /proc/PID/stat of when it began (proc_pid_stat(5)).
 */
export interface ProcessIdentity {
  readonly bootId: string;
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTime: string;
}

/** Undefined when no such process is there. */
export function identityOf(pid: number): ProcessIdentity | undefined {
  const stat = readProc(pid, 'stat');
  return stat === undefined ? undefined : parseStat(currentBootId(), stat);
}

/** Of a process that exists. */
export function writeIdentity(file: string, pid: number): void {
  writeFileSync(file, `${currentBootId()} ${readProc(pid, 'stat') ?? ''}`, { mode: 0o600 });
}

/** Undefined when the file is missing or was cut short. */
export function readIdentity(file: string): ProcessIdentity | undefined {
  const text = readText(file);
  const space = text?.indexOf(' ') ?? -1;
  return text === undefined || space < 0 ? undefined : parseStat(text.slice(0, space), text.slice(space + 1));
}

export function isAlive(identity: ProcessIdentity): boolean {
  if (identity.bootId !== currentBootId()) return false;
  const stat = readProc(identity.pid, 'stat');
  if (stat === undefined || fieldsAfterName(stat)[0] === 'Z') return false;
  return parseStat(identity.bootId, stat)?.startTime === identity.startTime;
}

export function currentBootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
}

/**
 * Ends a process and the namespaces whose PID 1 is its child. Only PID 1 is killed: the kernel kills and
 * collects everything in its namespace before it is gone itself (pid_namespaces(7)), and the parent waits for it.
 * After: nothing of all that is left.
 */
export async function killTree(identity: ProcessIdentity): Promise<void> {
  for (let wait = 1; isAlive(identity); wait = Math.min(wait * 2, 50)) {
    const children = childrenOf(identity.pid);
    for (const pid of children.length > 0 ? children : [identity.pid]) kill(pid);
    await sleep(wait);
  }
}

/** Resolves with whether it has ended within the time. */
export async function hasEnded(identity: ProcessIdentity, milliseconds: number): Promise<boolean> {
  const deadline = performance.now() + milliseconds;
  for (let wait = 1; isAlive(identity); wait = Math.min(wait * 2, 20)) {
    if (performance.now() > deadline) return false;
    await sleep(wait);
  }
  return true;
}

/** 0 when it has none, or has ended. */
export function parentOf(pid: number): number {
  return Number(fieldsAfterName(readProc(pid, 'stat') ?? '')[1] ?? 0);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Already gone.
  }
}

function parseStat(bootId: string, stat: string): ProcessIdentity | undefined {
  const startTime = fieldsAfterName(stat)[19];
  return startTime === undefined ? undefined : { bootId, pid: Number.parseInt(stat, 10), startTime };
}

/** From the third field (the state) on; the second, the name, may hold spaces and parentheses. */
function fieldsAfterName(stat: string): string[] {
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .trimEnd()
    .split(' ');
}
