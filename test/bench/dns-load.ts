import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runToEnd } from '../rig/daemon.ts';
import type { DnsServer } from './dns-servers.ts';

/** Its own core: what the load costs must not be taken from the server. */
const loadCpu = 1;
const clients = 8;
/** Under way at once, of all clients: enough to keep any of the servers busy, below what a socket buffer holds. */
const outstanding = 128;

export interface Load {
  /** Files for dnsperf. */
  readonly directory: string;
  readonly names: readonly string[];
  readonly seconds: number;
}

export interface Measured {
  readonly queriesPerSecond: number;
  /** Of the server's CPU time, user and system, per query. */
  readonly cpuMicros: number;
  /** How much of its core the server has had, 0–1: less than nearly all means that others wanted it too. */
  readonly coreShare: number;
}

/** As many queries as the server answers. Rejects when some are not answered, or not with NOERROR. */
export async function loadFully(server: DnsServer, load: Load): Promise<Measured> {
  const file = join(load.directory, 'queries');
  await writeFile(file, load.names.map((name) => `${name} A\n`).join(''));
  const { namespace, address, port, asker } = server;
  const where = ['-s', address, '-p', String(port), '-a', asker, '-d', file, '-e'];
  const limits = ['-l', String(load.seconds), '-c', String(clients), '-q', String(outstanding)];
  const enter = ['nsenter', `--net=${namespace}`, 'taskset', '-c', String(loadCpu)];
  const before = await cpuSeconds(server.pid);
  const { code, stdout, stderr } = await runToEnd([...enter, 'dnsperf', ...where, ...limits]);
  const used = (await cpuSeconds(server.pid)) - before;
  const count = numberIn(stdout, /Queries completed:\s+(\d+)/);
  const good = numberIn(stdout, /NOERROR (\d+)/);
  if (code !== 0 || good !== count || count === 0)
    throw new Error(`dnsperf: exit ${code}: ${stderr}${stdout}`);
  const seconds = numberIn(stdout, /Run time \(s\):\s+([\d.]+)/);
  return {
    queriesPerSecond: count / seconds,
    cpuMicros: (used / count) * 1e6,
    coreShare: used / seconds,
  };
}

function numberIn(text: string, pattern: RegExp): number {
  return Number(pattern.exec(text)?.[1]);
}

/** proc(5): the clock ticks at 100 Hz, which of a second of load is one part in a hundred. */
const ticksPerSecond = 100;

export async function cpuSeconds(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
