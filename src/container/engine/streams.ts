import { type Duplex, PassThrough, Writable } from 'node:stream';
import type Docker from 'dockerode';
import * as z from 'zod';
import { FairleadError } from '../../lib/errors.ts';
import type { Container, ExecProcess, LogLine, LogOptions, ProcessStreams, Runtime } from '../runtime.ts';
import type { EngineConnection } from './connection.ts';
import { LineSplitter } from './line-splitter.ts';

const execState = z.object({ Pid: z.number(), ExitCode: z.number().nullish(), Running: z.boolean() });

/** What is read from and written to the Engine's containers. */
export function engineStreams(
  connection: EngineConnection,
  require: (id: string) => Container,
): Pick<Runtime, 'exec' | 'attach' | 'logs'> {
  return {
    async exec(id, spec): Promise<ExecProcess> {
      const { command, env, workingDir, user, tty, attachStdin } = spec;
      const body = { Cmd: [...command], Env: [...env], WorkingDir: workingDir, User: user, Tty: tty };
      const attached = { AttachStdin: attachStdin, AttachStdout: true, AttachStderr: true };
      const exec = await connection.stream((docker) =>
        docker.getContainer(id).exec({ ...body, ...attached }),
      );
      const raw = await connection.stream(() => exec.start({ hijack: true, stdin: attachStdin, Tty: tty }));
      const streams = await split(connection, raw, tty, attachStdin, (h, w) => exec.resize({ h, w }));
      const look = async () => execState.parse(await connection.stream(() => exec.inspect()));
      const exited = new Promise((resolve) => raw.once('close', resolve).once('end', resolve)).then(
        async () => (await look()).ExitCode ?? 0,
      );
      return { ...streams, pid: (await look()).Pid, exited };
    },

    async attach(id): Promise<ProcessStreams> {
      const { tty, openStdin } = require(id).spec;
      const options = { stream: true, hijack: true, stdin: openStdin, stdout: true, stderr: true };
      const container = await connection.stream(async (docker) => docker.getContainer(id));
      const raw = await connection.stream(() => container.attach(options));
      if (!isDuplex(raw)) throw new FairleadError('internal', `attach to ${id}: the Engine gave no stream`);
      return await split(connection, raw, tty, openStdin, (h, w) => container.resize({ h, w }));
    },

    async *logs(id, options: LogOptions): AsyncGenerator<LogLine> {
      const { tty } = require(id).spec;
      const { follow, tail, since, until } = options;
      const wanted = {
        stdout: true,
        stderr: true,
        timestamps: true,
        ...(tail === undefined ? {} : { tail }),
        ...(since === undefined ? {} : { since }),
        ...(until === undefined ? {} : { until }),
      };
      const container = await connection.stream(async (docker) => docker.getContainer(id));
      if (follow)
        yield* followed(
          connection,
          await connection.stream(() => container.logs({ ...wanted, follow })),
          tty,
        );
      else yield* whole(await connection.stream(() => container.logs({ ...wanted, follow: false })), tty);
    },
  };
}

async function split(
  connection: EngineConnection,
  raw: Duplex,
  tty: boolean,
  stdin: boolean,
  resize: (rows: number, columns: number) => Promise<unknown>,
): Promise<ProcessStreams> {
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const end = () => {
    stdout.end();
    stderr.end();
  };
  raw.once('end', end).once('close', end).once('error', end);
  stdout.once('close', () => raw.destroy());
  if (tty) raw.pipe(stdout, { end: false });
  else await demultiplex(connection, raw, stdout, stderr);
  return {
    stdin: stdin ? raw : new Writable({ write: (_chunk, _encoding, done) => done() }),
    stdout,
    stderr,
    // A terminal that has gone has no size.
    resize: (columns, rows) => void resize(rows, columns).catch(() => {}),
  };
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

function isDuplex(stream: NodeJS.ReadWriteStream): stream is Duplex {
  return 'destroy' in stream;
}
