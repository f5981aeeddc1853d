import { PassThrough } from 'node:stream';
import type Docker from 'dockerode';
import type { Container } from '../container.ts';
import type { LogLine, LogOptions } from '../runtime.ts';
import type { EngineConnection } from './connection.ts';
import { LineSplitter } from './line-splitter.ts';

/** The log of one of the Engine's containers. */
export async function* readEngineLogs(
  connection: EngineConnection,
  { id, spec: { tty } }: Container,
  { follow, tail, since, until }: LogOptions,
): AsyncGenerator<LogLine> {
  const wanted = {
    stdout: true,
    stderr: true,
    timestamps: true,
    ...(tail === undefined ? {} : { tail }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
  const container = await connection.stream(async (docker) => docker.getContainer(id));
  if (!follow) {
    yield* whole(await connection.stream(() => container.logs({ ...wanted, follow: false })), tty);
    return;
  }
  yield* followed(connection, await connection.stream(() => container.logs({ ...wanted, follow })), tty);
}

async function demultiplex(
  connection: EngineConnection,
  raw: NodeJS.ReadableStream,
  stdout: PassThrough,
  stderr: PassThrough,
): Promise<void> {
  await connection.stream(async (docker: Docker) => docker.modem.demuxStream(raw, stdout, stderr));
}

async function* followed(
  connection: EngineConnection,
  raw: NodeJS.ReadableStream,
  tty: boolean,
): AsyncGenerator<LogLine> {
  // One stream of lines from two: what is told apart here must come out in the order in which it came in.
  const lines = new PassThrough({ objectMode: true });
  const into = (stream: LogLine['stream']) => {
    const splitter = new LineSplitter();
    return new PassThrough().on('data', (chunk: Buffer) => {
      for (const line of splitter.push(chunk)) lines.write(lineOf(stream, line));
    });
  };
  const [stdout, stderr] = [into('stdout'), into('stderr')];
  raw.once('end', () => lines.end()).once('error', () => lines.end());
  if (tty) raw.pipe(stdout);
  else await demultiplex(connection, raw, stdout, stderr);
  try {
    for await (const line of lines) yield line;
  } finally {
    if ('destroy' in raw && typeof raw.destroy === 'function') raw.destroy();
  }
}

/** Frames of a type, three zeros, a length and that many bytes (docs.docker.com, "Attach to a container"). */
function* whole(body: Buffer, tty: boolean): Generator<LogLine> {
  if (tty) {
    for (const line of new LineSplitter().push(Buffer.concat([body, Buffer.from('\n')])))
      yield lineOf('stdout', line);
    return;
  }
  for (let at = 0; at + 8 <= body.length; ) {
    const size = body.readUInt32BE(at + 4);
    const text = body
      .subarray(at + 8, at + 8 + size)
      .toString()
      .replace(/\n$/, '');
    yield lineOf(body[at] === 2 ? 'stderr' : 'stdout', text);
    at += 8 + size;
  }
}

function lineOf(stream: LogLine['stream'], line: string): LogLine {
  const space = line.indexOf(' ');
  return { stream, time: line.slice(0, space), data: Buffer.from(`${line.slice(space + 1)}\n`) };
}
