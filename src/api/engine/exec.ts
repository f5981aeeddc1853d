import type { FastifyInstance } from 'fastify';
import type { ExecProcess, Runtime } from '../../container/runtime.ts';
import { FairleadError, kindOf } from '../../lib/errors.ts';
import type { Containers } from '../../network/model.ts';
import { decodeJson, readJson, readOptionalJson } from '../body.ts';
import { parseDetachKeys } from '../detach-keys.ts';
import { fitSchema, go } from '../go-json.ts';
import { type PipeOptions, pipeOutput, pipeProcess } from '../process-pipe.ts';
import { queryOf } from '../query.ts';
import { beginStream } from '../stream.ts';
import type { UpgradeRoute } from '../upgrade.ts';
import { versionOf } from '../version.ts';
import { sizeOf, streamType } from './attach.ts';
import type { Exec, ExecTable } from './exec-table.ts';
import type { Terminals } from './terminals.ts';

type Ref = { Params: { ref: string } };

const execCreate = go.object('container.ExecOptions', {
  User: go.text(),
  Privileged: go.flag(),
  Tty: go.flag(),
  AttachStdin: go.flag(),
  AttachStdout: go.flag(),
  AttachStderr: go.flag(),
  DetachKeys: go.text(),
  Env: go.texts(),
  WorkingDir: go.text(),
  Cmd: go.texts(),
});
const execStart = go.object('container.ExecStartOptions', { Detach: go.flag(), Tty: go.flag() });

export interface ExecDeps {
  readonly containers: Containers;
  readonly execs: ExecTable;
  readonly terminals: Terminals;
}

export function execRoutes(app: FastifyInstance, { containers, execs, terminals }: ExecDeps): void {
  app.post<Ref>('/containers/:ref/exec', async (request, reply) => {
    const body = readJson(request, execCreate, 'container.ExecOptions');
    const container = containers.find(request.params.ref);
    parseDetachKeys(body.DetachKeys);
    if (body.Cmd.length === 0) throw new FairleadError('invalid', 'No exec command specified');
    if (container.state.status !== 'running') {
      throw new FairleadError('conflict', `Container ${container.id} is not running`);
    }
    const { id } = execs.add({ containerId: container.id, ...parseExec(body) });
    return reply.code(201).send({ Id: id });
  });
  app.post<Ref>('/exec/:ref/start', async (request, reply) => {
    const { Detach } = readOptionalJson(request, execStart, 'container.ExecStartOptions');
    const exec = execs.find(request.params.ref);
    const process = await startExec(execs, exec, containers.runtime);
    if (Detach) {
      process.stdout.resume();
      process.stderr.resume();
      return reply.code(200).send();
    }
    // Without an upgrade the answer is the output as it comes, ended by the end of the connection.
    reply.raw.useChunkedEncodingByDefault = false;
    reply.raw.shouldKeepAlive = false;
    const response = beginStream(reply, streamType(exec.spec.tty, versionOf(request)));
    process.stdin.end();
    await pipeOutput(process, response, pipeOptions(exec));
    response.end();
  });
  app.post<Ref>('/exec/:ref/resize', async (request, reply) => {
    const { id, state } = execs.find(request.params.ref);
    const { columns, rows } = sizeOf(queryOf(request));
    if (state !== 'running') throw new FairleadError('conflict', `exec ${id} is not running`);
    terminals.resize(id, columns, rows);
    return reply.code(200).send();
  });
  app.get<Ref>('/exec/:ref/json', async (request) => execShape(execs.find(request.params.ref)));
}

/** POST /exec/ID/start with an upgrade: the connection becomes the process's streams. */
export function execUpgrade({ containers, execs, terminals }: ExecDeps): UpgradeRoute {
  return {
    pattern: /^\/exec\/(?<ref>[^/]+)\/start$/,
    async open({ ref, body, version }) {
      const value = decodeJson(body.trim() === '' ? '{}' : body, '');
      const { Detach } = fitSchema(execStart, value, 'container.ExecStartOptions');
      const exec = execs.find(ref);
      const process = await startExec(execs, exec, containers.runtime);
      terminals.add(exec.id, process);
      return {
        contentType: streamType(exec.spec.tty, version),
        async run(connection) {
          const options = pipeOptions(exec);
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
    },
    attachStdout: body.AttachStdout,
    attachStderr: body.AttachStderr,
    privileged: body.Privileged,
    detachKeys: body.DetachKeys,
  };
}

function pipeOptions({ spec, attachStdout, attachStderr, detachKeys }: Exec): PipeOptions {
  return {
    tty: spec.tty,
    stdin: spec.attachStdin,
    stdout: attachStdout,
    stderr: attachStderr,
    endInput: true,
    detachKeys: parseDetachKeys(detachKeys),
  };
}

async function startExec(execs: ExecTable, exec: Exec, runtime: Runtime): Promise<ExecProcess> {
  execs.begin(exec);
  try {
    const process = await runtime.exec(exec.containerId, exec.spec);
    void execs.follow(exec, process);
    return process;
  } catch (error) {
    // 126 and 127 as a shell: not executable, not found.
    execs.end(exec, kindOf(error) === 'not-found' ? 127 : 126);
    throw error;
  }
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
