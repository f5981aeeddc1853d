import type { Duplex, Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { ProcessStreams } from '../../../container/runtime.ts';
import { DetachScanner } from './detach-keys.ts';
import { Framer, type OutputStream } from './framing.ts';

/** What a client wants of a process. */
export interface PipeOptions {
  /** With a terminal there is one stream and no framing. */
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  /** The client's half-close is the end of the process's input. */
  readonly endInput: boolean;
  /** The keys in a terminal's input that detach; absent: only leaving detaches. */
  readonly detachKeys?: readonly number[];
  /** Told when they were typed. */
  readonly onDetach?: () => void;
}

/**
 * Joins a client's connection to a process: its input in, its output out, framed unless there is a
 * terminal. Resolves when both outputs have ended or the client is gone; it never fails. Leaving detaches
 * from the process, which goes on.
 */
export async function pipeProcess(
  client: Duplex,
  process: ProcessStreams,
  options: PipeOptions,
  /** The connection is kept until this is done, too. */
  exited: Promise<unknown> = Promise.resolve(),
): Promise<void> {
  let hasLeft = false;
  const leave = () => {
    hasLeft = true;
    process.stdout.destroy();
    process.stderr.destroy();
  };
  if (options.stdin) pipeInput(client, process, options, leave);
  // Read what nobody wants too: otherwise it is never noticed that the client left.
  else client.resume();
  client.on('close', leave);
  await pipeOutput(process, client, options);
  if (!hasLeft) await exited.catch(() => {});
  client.off('close', leave);
  client.end();
}

/** Copies what the process writes into `sink` until both outputs have ended; never fails, never ends the sink. */
export async function pipeOutput(
  process: ProcessStreams,
  sink: Writable,
  { tty, stdout, stderr }: Pick<PipeOptions, 'tty' | 'stdout' | 'stderr'>,
): Promise<void> {
  await Promise.all([
    stdout || tty ? copy('stdout', process.stdout, sink, tty) : drain(process.stdout),
    stderr && !tty ? copy('stderr', process.stderr, sink, false) : drain(process.stderr),
  ]);
}

async function copy(stream: OutputStream, source: Readable, sink: Writable, raw: boolean): Promise<void> {
  try {
    if (raw) await pipeline(source, sink, { end: false });
    else await pipeline(source, new Framer(stream), sink, { end: false });
  } catch {
    // The client went away or the process's pipe broke: either way this stream is over.
  }
}

/** An output that nobody wants must be read all the same, or the process blocks on it. */
async function drain(source: Readable): Promise<void> {
  source.resume();
  await new Promise<void>((resolve) => {
    source
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
    if (source.readableEnded || source.destroyed) resolve();
  });
}

function pipeInput(
  client: Duplex,
  process: ProcessStreams,
  { tty, endInput, detachKeys, onDetach = () => {} }: PipeOptions,
  leave: () => void,
): void {
  const end = { end: endInput };
  if (!tty || !detachKeys) {
    process.stdin.on('error', () => client.unpipe(process.stdin));
    client.pipe(process.stdin, end);
    return;
  }
  const scanner = new DetachScanner(detachKeys, () => {
    onDetach();
    leave();
  });
  process.stdin.on('error', () => client.unpipe(scanner));
  client.pipe(scanner).pipe(process.stdin, end);
}
