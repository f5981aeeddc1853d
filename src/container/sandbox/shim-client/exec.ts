import { Readable, Writable } from 'node:stream';
import { withTimeout } from '../../../lib/with-timeout.ts';
import type { ExecProcess } from '../../runtime.ts';
import type { ExitRecord, ProgramSpec, Reply } from '../../shim/protocol.ts';
import { hostPid } from '../namespaces/namespaces.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { CommandError } from '../programs.ts';
import type { ContainerPaths } from '../records/directory.ts';
import { Attachment } from './attachment.ts';
import { connectToShim, silentShim } from './shim-connection.ts';

/** Of a program that ended with its container. */
const killedCode = 137;

/**
 * Has the container's shim run a further program, which is so what the container's own is: in the same namespaces,
 * confined alike, without a descriptor of the daemon's.
 * @throws CommandError when it could not be run | internal when it is silent
 */
export async function execIn(
  paths: ContainerPaths,
  outer: ProcessIdentity,
  spec: ProgramSpec,
  patience: number,
): Promise<ExecProcess> {
  const socket = await connectToShim(paths.root, patience);
  const attachment = new Attachment();
  let exit: ExitRecord | undefined;
  let spawned = 0;
  const replied = new Promise<Reply | undefined>((resolve) => {
    attachment.connect(socket, {
      request: { exec: spec },
      onNotice(notice) {
        if ('started' in notice || 'failed' in notice) resolve(notice);
        // One that ends at once may be gone all the same: it has no number that could be told then.
        else if (notice.spawned !== undefined) spawned = hostPid(outer.pid, notice.spawned) ?? 0;
        else if (notice.exit) exit = notice.exit;
      },
    });
    socket.once('close', () => resolve(undefined));
  });
  const closed = new Promise((resolve) => socket.once('close', resolve));
  if (!(await withTimeout(replied, patience))) socket.destroy();
  const reply = await replied;
  if (!reply) throw silentShim();
  if ('failed' in reply) throw new CommandError(reply.failed.message, reply.failed.exitCode);
  return {
    pid: hostPid(outer.pid, reply.started.pid) ?? spawned,
    // A terminal whose stdin ended would read ^D; without a client it just stays open.
    stdin: spec.openStdin ? attachment.stdin : nowhere(),
    stdout: attachment.stdout,
    stderr: attachment.stderr,
    resize: (columns, rows) => attachment.resize(columns, rows),
    exited: closed.then(() => exit?.exitCode ?? killedCode),
  };
}

/** What could not be run looks like a process that said why and ended, as a shell's `command not found`. */
export function failedExec({ message, exitCode }: CommandError, tty: boolean): ExecProcess {
  const said = Readable.from([Buffer.from(`${message}${tty ? '\r\n' : '\n'}`)]);
  const nothing = Readable.from([]);
  return {
    pid: 0,
    stdin: nowhere(),
    stdout: tty ? said : nothing,
    stderr: tty ? nothing : said,
    exited: Promise.resolve(exitCode),
    resize() {},
  };
}

function nowhere(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
