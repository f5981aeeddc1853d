import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type ChildProcess, startChild } from '../../../lib/child.ts';
import { Failure } from '../../failure.ts';
import { freeDnsPort } from './dns-port.ts';

/** A daemon of the tour's own: its data and its socket are in a folder that goes away with it. */
export interface TourDaemon {
  /** For FAIRLEAD_HOST. */
  readonly host: string;
  readonly dnsPort: number;
  /** Its output until it was ready. */
  readonly greeting: readonly string[];
  /** Resolves when it ended by itself. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const readyWithinMs = 30_000;

/** @throws Failure with the daemon's message when it does not get ready */
export async function startDaemon(fairlead: string): Promise<TourDaemon> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-tour-'));
  const host = `unix://${join(folder, 'fairlead.sock')}`;
  const dnsPort = await freeDnsPort();
  const places = [
    '--host',
    host,
    '--data-root',
    join(folder, 'data'),
    '--dns-listen',
    `127.0.0.1:${dnsPort}`,
  ];
  const remove = () => rm(folder, { recursive: true, force: true });
  try {
    const child = await startOwnDaemon(fairlead, [...places, '--ephemeral', '--log-level', 'warn']);
    const stop = async () => {
      await child.stop();
      await remove();
    };
    return { ...child, host, dnsPort, stop };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** A daemon that this command started for itself. */
export type DaemonChild = Pick<TourDaemon, 'greeting' | 'ended' | 'stop'>;

/** `fairlead daemon` with these flags. @throws Failure with its message when it does not get ready */
export async function startOwnDaemon(fairlead: string, flags: readonly string[]): Promise<DaemonChild> {
  // Ctrl-C on the terminal is for the command, which then ends the daemon: hence a process group of its own.
  const child = startChild([process.execPath, fairlead, 'daemon', ...flags], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  try {
    const greeting = await untilReady(child);
    return { greeting, ended: exitOf(child), stop: () => end(child) };
  } catch (error) {
    await end(child);
    throw error;
  }
}

async function untilReady(child: ChildProcess): Promise<readonly string[]> {
  const lines: string[] = [];
  const complaints: string[] = [];
  child.stderr?.on('data', (chunk: Buffer) => complaints.push(chunk.toString()));
  const timer = setTimeout(() => child.kill('SIGKILL'), readyWithinMs);
  try {
    if (child.stdout) {
      for await (const line of createInterface({ input: child.stdout })) {
        lines.push(line);
        if (line.startsWith('ready on')) return lines;
      }
    }
  } finally {
    clearTimeout(timer);
    child.stdout?.resume();
  }
  throw new Failure(`the daemon did not get ready: ${complaints.join('').trim() || lines.join('; ')}`);
}

async function exitOf(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
}

async function end(child: ChildProcess): Promise<void> {
  const exited = exitOf(child);
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await exited;
  clearTimeout(timer);
}
