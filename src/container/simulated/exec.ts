import { PassThrough } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { setTimeout } from 'node:timers/promises';
import type { Clock } from '../../lib/clock.ts';
import { messageOf } from '../../lib/errors.ts';
import type { Container } from '../container.ts';
import type { ExecProcess, ExecSpec } from '../runtime.ts';
import type { ExecAnswer, Programs } from './programs.ts';

/**
 * What a program takes to start, in real milliseconds. docker-py loses output that reaches it together with the head of
 * the answer, which an Engine's never does.
 */
const startMs = 20;
/** As of a shell: the command is there and cannot be run. Success would tell a test that something has been done. */
const notRun = 126;

/** A process that writes the programs' answer and ends; one that nothing is known of says so, and fails. */
export function simulateExec(
  programs: Programs,
  clock: Clock,
  container: Container,
  spec: ExecSpec,
): ExecProcess {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const call = { ...spec, stdin: async () => (spec.attachStdin ? buffer(stdin) : Buffer.alloc(0)) };
  const finish = ({ stdout: out = '', stderr: err = '', exitCode = 0 }: ExecAnswer) => {
    stdout.write(Buffer.from(out));
    // A terminal has one stream.
    (spec.tty ? stdout : stderr).write(Buffer.from(err));
    stdout.end();
    stderr.end();
    stdin.resume();
    return exitCode;
  };
  const exited = setTimeout(startMs)
    .then(() => answerOf(programs, container, call))
    .catch((error: unknown): ExecAnswer => ({ stderr: `${messageOf(error)}\n`, exitCode: notRun }))
    .then(async (answer) => {
      const { takesMs = 0 } = answer;
      if (takesMs > 0) await new Promise<void>((resolve) => clock.after(takesMs, resolve));
      return finish(answer);
    });
  return { pid: 0, stdin, stdout, stderr, resize: () => {}, exited };
}

async function answerOf(
  programs: Programs,
  container: Container,
  call: Parameters<Programs['exec']>[1],
): Promise<ExecAnswer> {
  return (
    (await programs.exec(container, call)) ?? { stderr: notRunMessage(container, call), exitCode: notRun }
  );
}

function notRunMessage({ name }: Container, { command }: ExecSpec): string {
  return (
    `fairlead: container ${name} is simulated and runs no program, so this was not run: ${command.join(' ')}\n` +
    `fairlead: see what it resolves and reaches with: fairlead probe ${name} NAME\n`
  );
}
