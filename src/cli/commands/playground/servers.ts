import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ChildProcessByStdio, startChild } from '../../../lib/child.ts';
import { Failure } from '../../failure.ts';
import { namespaceFile } from './wires.ts';

type Server = ChildProcessByStdio<null, Readable, Readable>;

const readyWithinMs = 30_000;

/** Starts a program on a host, in a process group of its own: Ctrl-C is for the playground alone. */
function startOn(namespace: string, argv: readonly string[]): Server {
  return startChild(['nsenter', `--net=${namespaceFile(namespace)}`, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
}

/** Resolves when the daemon reports that it is ready. @throws Failure with its other message */
export async function startDaemon(namespace: string, argv: readonly string[]): Promise<void> {
  const child = startOn(namespace, argv);
  const complaints = tailOf(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), readyWithinMs);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('ready on')) continue;
      letRun(child);
      return;
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Failure(`a daemon of the playground did not get ready: ${complaints()}`);
}

/**
 * Resolves when the store's server takes connections; checked from inside its namespace by a program that is there
 * anyway, this Node. @throws Failure with the server's output
 */
export async function startStore(
  namespace: string,
  argv: readonly string[],
  { address, port }: { readonly address: string; readonly port: number },
): Promise<void> {
  const child = startOn(namespace, argv);
  child.stdout.resume();
  const complaints = tailOf(child);
  const probe = `require('node:net').connect(${port}, '${address}', () => process.exit(0)).on('error', () => process.exit(1))`;
  const deadline = performance.now() + readyWithinMs;
  while (performance.now() < deadline && child.exitCode === null) {
    const asking = startOn(namespace, [process.execPath, '-e', probe]);
    const code = await new Promise((resolve) => asking.once('close', resolve));
    if (code === 0) return letRun(child);
    await sleep(100);
  }
  throw new Failure(`the store of the playground did not start: ${complaints()}`);
}

function tailOf(child: Server): () => string {
  let output = '';
  child.stderr.on('data', (chunk: Buffer) => {
    output = `${output}${chunk}`.slice(-2000);
  });
  return () => output.trim() || 'it wrote nothing';
}

/** It goes on by itself, and keeps this process from nothing. */
function letRun(child: Server): void {
  child.stdout.resume();
  child.stderr.resume();
}
