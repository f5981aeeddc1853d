import { readFile } from 'node:fs/promises';

/** /proc/net/tcp: local address and port, remote, state, all hex; 0A is LISTEN (proc(5), tcp_states.h). */
const listening = /^\s*\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A /;

/**
 * The TCP ports that are listened on in the network namespace of a process. Looked up and not connected to, so
 * that nothing is sent to the program. Empty when the process is gone.
 */
export async function listeningPorts(pid: number): Promise<ReadonlySet<number>> {
  const tables = await Promise.all(['tcp', 'tcp6'].map((file) => tableOf(pid, file)));
  const ports = tables.flatMap((table) =>
    table.split('\n').flatMap((line) => {
      const hex = listening.exec(line)?.[1];
      return hex === undefined ? [] : [Number.parseInt(hex, 16)];
    }),
  );
  return new Set(ports);
}

/** Empty where the kernel has no IPv6, too. */
async function tableOf(pid: number, file: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/net/${file}`, 'utf8');
  } catch {
    return '';
  }
}
