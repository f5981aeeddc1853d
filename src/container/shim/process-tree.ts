import { readFileSync, readlinkSync } from 'node:fs';

/** The processes that `pid` has started and that still exist, by the /proc that is mounted here. */
export function childrenOf(pid: number): number[] {
  const text = readProc(pid, `task/${pid}/children`) ?? '';
  return text.split(' ').filter(Boolean).map(Number);
}

/** Arguments joined by NUL; undefined when the process is gone. */
export function commandLineOf(pid: number): string | undefined {
  return readProc(pid, 'cmdline');
}

/** The terminal on the stdin of `pid` or of a process below it, by a path that means it wherever /dev is another. */
export function terminalBelow(pid: number): string | undefined {
  if (linkOf(pid, 'fd/0')?.startsWith('/dev/pts/')) return `/proc/${pid}/fd/0`;
  for (const child of childrenOf(pid)) {
    const found = terminalBelow(child);
    if (found) return found;
  }
  return undefined;
}

export function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return undefined;
  }
}

function linkOf(pid: number, file: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/${file}`);
  } catch {
    return undefined;
  }
}
