import { spawn } from 'node:child_process';
import { PassThrough } from 'node:stream';
import type {
  ExecProcess,
  ExecSpec,
  LogLine,
  OwnRuntime,
  ProcessStreams,
} from '../../src/container/runtime.ts';
import { FairleadError } from '../../src/lib/errors.ts';

export interface HostPrograms extends OwnRuntime {
  /** To be called when the container was started: runs its command for whoever is attached. */
  started(id: string): Promise<void>;
}

/**
 * A runtime whose execs and attaches run real programs of this host, so that streams can be tried without
 * namespaces. A container that was attached to before its start runs its command; its log is a fixed one.
 */
export function hostPrograms(runtime: OwnRuntime): HostPrograms {
  const attached = new Map<string, ProcessStreams & Record<'stdin' | 'stdout' | 'stderr', PassThrough>>();
  return {
    kind: 'sandbox',
    recover: () => runtime.recover(),
    list: () => runtime.list(),
    get: (id) => runtime.get(id),
    create: (spec) => runtime.create(spec),
    update: (id, change) => runtime.update(id, change),
    remove: (id) => runtime.remove(id),
    prepare: (id) => runtime.prepare(id),
    start: (id, files) => runtime.start(id, files),
    signal: (id, signal) => runtime.signal(id, signal),
    stop: (id, seconds, signal) => runtime.stop(id, seconds, signal),
    release: (id) => runtime.release(id),
    setFiles: (id, files) => runtime.setFiles(id, files),
    onExit: (listener) => runtime.onExit(listener),
    exec: async (_id, spec) => run(spec),
    check: (id, check, signal) => runtime.check(id, check, signal),
    async attach(id): Promise<ProcessStreams> {
      const streams = {
        stdin: new PassThrough(),
        stdout: new PassThrough(),
        stderr: new PassThrough(),
        resize: () => {},
      };
      attached.set(id, streams);
      return streams;
    },
    async *logs(_id, { tail }) {
      yield* tail === undefined ? logLines : logLines.slice(-tail);
    },
    top: (id, psArgs) => runtime.top(id, psArgs),
    sandboxOf: (id) => runtime.sandboxOf(id),
    close: () => runtime.close(),
    async started(id) {
      const client = attached.get(id);
      const command = runtime.get(id)?.spec.command;
      if (!client || !command) return;
      const program = await run({ command });
      client.stdin.pipe(program.stdin);
      program.stdout.pipe(client.stdout);
      program.stderr.pipe(client.stderr);
      await program.exited;
      await runtime.stop(id, 0);
    },
  };
}

export const logLines: readonly LogLine[] = [
  { stream: 'stdout', time: '2026-01-01T00:00:00.000000001Z', data: Buffer.from('one\n') },
  { stream: 'stderr', time: '2026-01-01T00:00:00.000000002Z', data: Buffer.from('two\n') },
  { stream: 'stdout', time: '2026-01-01T00:00:00.000000003Z', data: Buffer.from('three') },
];

async function run({ command: [program = '', ...args] }: Pick<ExecSpec, 'command'>): Promise<ExecProcess> {
  const child = spawn(program, args, { stdio: 'pipe' });
  const exited = new Promise<number>((resolve) => {
    child.on('close', (code, signal) => resolve(signal ? 137 : (code ?? 0)));
  });
  await new Promise<void>((resolve, reject) => {
    child.on('spawn', resolve);
    child.on('error', (error) => reject(new FairleadError('invalid', error.message)));
  });
  const { stdin, stdout, stderr } = child;
  return { stdin, stdout, stderr, resize: () => {}, pid: child.pid ?? 0, exited };
}
