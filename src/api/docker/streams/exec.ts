import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import { type ExecProcess, ownRuntime } from '../../../container/runtime.ts';
import { FairleadError, kindOf, messageOf } from '../../../lib/errors.ts';
import type { EventBus } from '../../../lib/events.ts';
import { containerEvent } from '../../../network/containers/container-event.ts';
import type { Containers } from '../../../network/model.ts';
import { fitSchema, go } from '../../go/json.ts';
import { decodeJson, readJson, readOptionalJson } from '../../http/body.ts';
import type { UpgradeRoute } from '../../http/listeners/upgrade.ts';
import { queryOf } from '../../http/query.ts';
import { parseDetachKeys } from '../../http/streams/detach-keys.ts';
import { frame } from '../../http/streams/framing.ts';
import { type PipeOptions, pipeOutput, pipeProcess } from '../../http/streams/process-pipe.ts';
import { beginStream } from '../../http/streams/stream.ts';
import { versionOf } from '../../http/version.ts';
import { sizeOf, streamType } from './attach.ts';
import type { Exec, ExecTable } from './exec-table.ts';
import type { Terminals } from './terminals.ts';

const terminalSide = z.int({ error: 'uint' }).min(0, { error: 'uint' }).max(65535, { error: 'uint' });
/** Rows and columns. */
const consoleSize = z
  .tuple([terminalSide, terminalSide], { error: '[2]uint' })
  .nullish()
  .transform((size) => (size ? { rows: size[0], columns: size[1] } : undefined));

type Ref = { Params: { ref: string } };

const execCreate = go.object('container.ExecOptions', {
  User: go.text(),
  Privileged: go.flag(),
  Tty: go.flag(),
  AttachStdin: go.flag(),
  AttachStdout: go.flag(),
  AttachStderr: go.flag(),
  DetachKeys: go.text(),
  ConsoleSize: consoleSize,
  Env: go.freeTexts(),
  WorkingDir: go.text(),
  Cmd: go.freeTexts(),
});
const execStart = go.object('container.ExecStartOptions', {
  Detach: go.flag(),
  Tty: go.flag(),
  ConsoleSize: consoleSize,
});

export interface ExecDeps {
  readonly containers: Containers;
  readonly execs: ExecTable;
  readonly terminals: Terminals;
  readonly events: EventBus;
}

export function execRoutes(app: FastifyInstance, deps: ExecDeps): void {
  const { containers, execs, terminals } = deps;
  app.post<Ref>('/containers/:ref/exec', async (request, reply) => {
    const body = readJson(request, execCreate, 'container.ExecOptions');
    const container = containers.find(request.params.ref);
    parseDetachKeys(body.DetachKeys);
    if (body.Cmd.length === 0) throw new FairleadError('invalid', 'No exec command specified');
    if (container.state.status !== 'running') {
      throw new FairleadError('conflict', `container ${container.id} is not running`);
    }
    const exec = execs.add({ containerId: container.id, ...parseExec(body) });
    emitExec(deps, exec, 'exec_create');
    return reply.code(201).send({ Id: exec.id });
  });
  app.post<Ref>('/exec/:ref/start', async (request, reply) => {
    const { Detach, Tty } = readOptionalJson(request, execStart, 'container.ExecStartOptions');
    const exec = execs.find(request.params.ref);
    execs.begin(exec);
    const process = await launch(deps, exec);
    if (Detach) {
      process.stdout.resume();
      process.stderr.resume();
      return reply.code(200).send();
    }
    // Without an upgrade the answer is the output as it comes, ended by the end of the connection.
    reply.raw.useChunkedEncodingByDefault = false;
    reply.raw.shouldKeepAlive = false;
    const response = beginStream(reply, streamType(Tty, versionOf(request)));
    process.stdin.end();
    await pipeOutput(process, response, pipeOptions(exec, Tty));
    response.end();
  });
  app.post<Ref>('/exec/:ref/resize', async (request, reply) => {
    const exec = execs.find(request.params.ref);
    const { columns, rows } = sizeOf(queryOf(request));
    if (exec.state !== 'running') throw new FairleadError('conflict', `exec ${exec.id} is not running`);
    exec.size = { columns, rows };
    terminals.resize(exec.id, columns, rows);
    return reply.code(200).send();
  });
  app.get<Ref>('/exec/:ref/json', async (request) => execShape(execs.find(request.params.ref)));
}

/** POST /exec/ID/start with an upgrade: the connection becomes the process's streams. */
export function execUpgrade(deps: ExecDeps): UpgradeRoute {
  const { execs, terminals } = deps;
  return {
    pattern: /^\/exec\/(?<ref>[^/]+)\/start$/,
    async open({ ref, body, version }) {
      const value = decodeJson(body.trim() === '' ? '{}' : body, '');
      const { Detach, Tty, ConsoleSize } = fitSchema(execStart, value, 'container.ExecStartOptions');
      const exec = execs.find(ref);
      execs.begin(exec);
      if (ConsoleSize) exec.size = ConsoleSize;
      return {
        contentType: streamType(Tty, version),
        // The process starts after the head was sent, as the Engine's does: docker-py drops what comes along with that.
        async run(connection) {
          const process = await launch(deps, exec).catch((error: unknown) => sayWhy(connection, Tty, error));
          if (!process) return;
          terminals.add(exec.id, process);
          if (exec.size) process.resize(exec.size.columns, exec.size.rows);
          const onDetach = () => emitExec(deps, exec, 'exec_detach');
          const options = { ...pipeOptions(exec, Tty), onDetach };
          if (!options.stdin) process.stdin.end();
          if (Detach) connection.end();
          // The client asks for the exit code when the stream ends, so it ends once that is known.
          await pipeProcess(connection, process, options, process.exited);
          terminals.remove(exec.id, process);
        },
      };
    },
  };
}

function sayWhy(connection: Duplex, tty: boolean, error: unknown): void {
  const text = Buffer.from(`${messageOf(error)}${tty ? '\r\n' : '\n'}`);
  connection.write(tty ? text : frame('stderr', text));
}

function parseExec(
  body: ReturnType<typeof execCreate.parse>,
): Omit<Exec, 'id' | 'containerId' | 'state' | 'pid' | 'exitCode'> {
  return {
    spec: {
      command: body.Cmd,
      env: body.Env,
      workingDir: body.WorkingDir,
      user: body.User,
      tty: body.Tty,
      attachStdin: body.AttachStdin,
      privileged: body.Privileged,
    },
    attachStdout: body.AttachStdout,
    attachStderr: body.AttachStderr,
    privileged: body.Privileged,
    detachKeys: body.DetachKeys,
    ...(body.ConsoleSize && { size: body.ConsoleSize }),
  };
}

/** Whether the output is framed is what the start says, not the exec: docker-py leaves a start's Tty false. */
function pipeOptions({ spec, attachStdout, attachStderr, detachKeys }: Exec, raw: boolean): PipeOptions {
  return {
    tty: raw,
    stdin: spec.attachStdin,
    stdout: attachStdout,
    stderr: attachStderr,
    endInput: true,
    detachKeys: parseDetachKeys(detachKeys),
  };
}

async function launch(deps: ExecDeps, exec: Exec): Promise<ExecProcess> {
  const { execs, containers } = deps;
  emitExec(deps, exec, 'exec_start');
  try {
    const process = await ownRuntime(containers.runtime).exec(exec.containerId, exec.spec);
    void execs.follow(exec, process).then(() => emitExec(deps, exec, 'exec_die'));
    return process;
  } catch (error) {
    // 126 and 127 as a shell: not executable, not found.
    execs.end(exec, kindOf(error) === 'not-found' ? 127 : 126);
    throw error;
  }
}

/** Action and attributes as the Engine writes them: the command behind the first two, the exit code with the end. */
function emitExec({ containers, events }: ExecDeps, exec: Exec, action: string): void {
  const container = containers.runtime.get(exec.containerId);
  if (!container) return;
  const [entrypoint = '', ...args] = exec.spec.command;
  const ended = action === 'exec_die';
  const isBegun = action === 'exec_create' || action === 'exec_start';
  events.emit(
    containerEvent(container, isBegun ? `${action}: ${entrypoint} ${args.join(' ')}` : action, {
      execID: exec.id,
      ...(ended && { exitCode: String(exec.exitCode) }),
    }),
  );
}

function execShape(exec: Exec): Record<string, unknown> {
  const [entrypoint = '', ...args] = exec.spec.command;
  return {
    ID: exec.id,
    Running: exec.state === 'running',
    ExitCode: exec.exitCode,
    ProcessConfig: {
      tty: exec.spec.tty,
      entrypoint,
      arguments: args,
      privileged: exec.privileged,
      ...(exec.spec.user && { user: exec.spec.user }),
    },
    OpenStdin: exec.spec.attachStdin,
    OpenStderr: exec.attachStderr,
    OpenStdout: exec.attachStdout,
    CanRemove: false,
    ContainerID: exec.containerId,
    DetachKeys: exec.detachKeys,
    Pid: exec.pid,
  };
}
