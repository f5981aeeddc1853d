import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { stripVTControlCharacters } from 'node:util';
import { cleanEnvironment } from './daemon.ts';
import { patience } from './patience.ts';
import { until } from './until.ts';

export interface Place {
  /** The checkout. */
  readonly folder: string;
  /** The words that put a program where it is to run: into a namespace, to another user. */
  readonly enter: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

/** `npm start`, as somebody types it, until it has said how to go on. */
export class NpmStart implements AsyncDisposable {
  #output = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly place: Place,
  ) {
    for (const stream of [child.stdout, child.stderr])
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk;
      });
  }

  /** Into a pipe, with `--stay`. */
  static async withoutTerminal(place: Place): Promise<NpmStart> {
    return await NpmStart.#begin(place, ['npm', 'start', '--', '--stay']);
  }

  /** On a terminal of its own, which script(1) makes. */
  static async onTerminal(place: Place): Promise<NpmStart> {
    return await NpmStart.#begin(place, ['script', '-qec', 'npm start', '/dev/null']);
  }

  static async #begin(place: Place, words: readonly string[]): Promise<NpmStart> {
    const [program = '', ...args] = [...place.enter, ...words];
    const env = { ...cleanEnvironment(), ...place.env };
    const child = spawn(program, args, { cwd: place.folder, env, stdio: ['pipe', 'pipe', 'pipe'] });
    const started = new NpmStart(child, place);
    const seen = () => ({ output: started.output, ended: child.exitCode });
    const last = /^Without the tour: /m;
    try {
      await until(
        'npm start',
        seen,
        ({ output, ended }) => last.test(output) || ended !== null,
        60_000 * patience,
      );
      if (child.exitCode !== null) throw new Error(`npm start ended:\n${started.output}`);
    } catch (error) {
      await started[Symbol.asyncDispose]();
      throw error;
    }
    return started;
  }

  /** All it has printed, without what only a terminal shows. */
  get output(): string {
    return stripVTControlCharacters(this.#output).replaceAll('\r', '');
  }

  /** A line that another terminal is to type first: `export NAME=VALUE`. */
  get exports(): readonly string[] {
    return this.output.split('\n').filter((line) => line.startsWith('  export '));
  }

  /** The words that run a line of shell in the other terminal, its exports typed before. */
  typed(line: string): readonly string[] {
    return [...this.place.enter, 'sh', '-c', [...this.exports, line].join('\n')];
  }

  /** Ctrl-C on its terminal. @returns the exit code */
  async interrupt(): Promise<number> {
    this.child.stdin?.write('\u0003');
    return await this.#ended();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill('SIGTERM');
    await this.#ended();
  }

  async #ended(): Promise<number> {
    if (this.child.exitCode === null && this.child.signalCode === null) await once(this.child, 'close');
    return this.child.exitCode ?? -1;
  }
}
