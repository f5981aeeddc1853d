import { closeSync, openSync, readdirSync, readSync } from 'node:fs';

/**
 * Descriptors above 2 that a child of this process would inherit: those without O_CLOEXEC, as proc(5) shows it.
 * Node opens all of its own with it. What is left is what the process itself was given, and what a native
 * module opens. None where there is no /proc.
 */
export function inheritableDescriptors(): readonly number[] {
  return openDescriptors().filter((fd) => fd > 2 && !closesOnExec(fd));
}

/**
 * Closes what whoever started this process has left open in it. Only for the first moments of a program: what is
 * open without O_CLOEXEC later on belongs to a native module, which uses it.
 */
export function closeInherited(): void {
  for (const fd of inheritableDescriptors()) closeSync(fd);
}

function openDescriptors(): readonly number[] {
  try {
    return readdirSync('/proc/self/fd').map(Number);
  } catch {
    return [];
  }
}

/** O_CLOEXEC on Linux, in the octal number that the file shows. */
const closeOnExec = 0o2000000;

function closesOnExec(fd: number): boolean {
  try {
    return (flagsOf(fd) & closeOnExec) !== 0;
  } catch {
    // It is the one by which the folder was read.
    return true;
  }
}

const buffer = Buffer.alloc(512);

function flagsOf(fd: number): number {
  const info = openSync(`/proc/self/fdinfo/${fd}`, 'r');
  try {
    const size = readSync(info, buffer, 0, buffer.length, 0);
    return Number.parseInt(/^flags:\s+(\d+)$/m.exec(buffer.toString('latin1', 0, size))?.[1] ?? '0', 8);
  } finally {
    closeSync(info);
  }
}
