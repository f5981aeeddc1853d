import type { Socket } from 'node:net';
import { drained } from './drain.ts';
import { StartFailure } from './find-program.ts';
import { encodeControl, encodeFrame, type Frame, frameTypes } from './frames.ts';
import { feed, type RunningProgram, runProgram } from './program.ts';
import type { Notice, ProgramSpec, Reply, Request } from './protocol.ts';
import { resizeTerminal } from './terminal.ts';

/**
 * A further program in the container, and the connection that asked for it: its streams, and its exit in the end.
 * The program goes on when the connection is lost, and ends with the container.
 */
export class Session {
  readonly #socket: Socket;
  readonly #program: Promise<RunningProgram | undefined>;

  constructor(socket: Socket, spec: ProgramSpec) {
    this.#socket = socket;
    this.#program = runProgram(spec, (spawned) => this.#tell({ spawned })).catch((error: unknown) =>
      this.#fail(error),
    );
    void this.#program.then((program) => program && this.#follow(program));
  }

  handle({ type, payload }: Frame): void {
    if (type === frameTypes.stdin) {
      this.#socket.pause();
      void this.#program
        .then((program) => program && feed(program, payload))
        .finally(() => this.#socket.resume());
    } else if (type === frameTypes.control) {
      const { resize }: Request = JSON.parse(payload.toString());
      if (resize) void this.#resize(resize.columns, resize.rows);
    }
  }

  async #resize(columns: number, rows: number): Promise<void> {
    const pid = (await this.#program)?.child.pid;
    if (pid !== undefined) await resizeTerminal(pid, columns, rows);
  }

  async #follow({ child, pid, exited }: RunningProgram): Promise<void> {
    this.#tell({ started: { pid } });
    for (const stream of ['stdout', 'stderr'] as const) {
      const source = child[stream];
      source?.on('data', (chunk: Buffer) => {
        if (!this.#socket.writable || this.#socket.write(encodeFrame(frameTypes[stream], chunk))) return;
        source.pause();
        const goOn = () => source.resume();
        this.#socket.once('drain', goOn).once('close', goOn);
      });
    }
    const exitCode = await exited;
    await drained([child.stdout, child.stderr], () => this.#socket.writableNeedDrain);
    this.#tell({ exit: { exitCode, finishedAt: new Date().toISOString().replace('Z', '000000Z') } });
    this.#socket.end();
  }

  #fail(error: unknown): undefined {
    this.#tell(failureOf(error));
    this.#socket.end();
    return undefined;
  }

  #tell(message: Reply | Notice): void {
    if (this.#socket.writable) this.#socket.write(encodeControl(message));
  }
}

export function failureOf(error: unknown): Reply {
  const message = error instanceof Error ? error.message : String(error);
  return { failed: { exitCode: error instanceof StartFailure ? error.exitCode : 126, message } };
}
