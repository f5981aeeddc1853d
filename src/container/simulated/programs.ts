import type { Container } from '../container.ts';
import type { ExecSpec } from '../runtime.ts';

/**
 * What simulated containers would run. The daemon knows of no program (`noPrograms`); fairlead/testing answers with
 * what a test has scripted.
 */
export interface Programs {
  /** Asked at each start. Undefined: nothing is known, and the container just holds its network until it is stopped. */
  run(container: Container): ProgramRun | Promise<ProgramRun> | undefined;
  /** Undefined: nothing is known of this command. */
  exec(container: Container, call: ExecCall): ExecAnswer | Promise<ExecAnswer | undefined> | undefined;
}

export const noPrograms: Programs = { run: () => undefined, exec: () => undefined };

export interface Output {
  readonly stdout?: string | Uint8Array;
  readonly stderr?: string | Uint8Array;
}

/** What the main process does. */
export interface ProgramRun extends Output {
  /** Absent: it runs until it is stopped. */
  readonly exitCode?: number;
  /** From the output to the end, in milliseconds. */
  readonly exitAfterMs?: number;
}

export interface ExecCall extends ExecSpec {
  /** All that the client sends, once it has ended its input; empty where it attached none. */
  readonly stdin: () => Promise<Buffer>;
}

export interface ExecAnswer extends Output {
  readonly exitCode?: number;
  /** How long it takes, in milliseconds. */
  readonly takesMs?: number;
}
