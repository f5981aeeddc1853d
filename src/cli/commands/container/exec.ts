import * as z from 'zod/mini';
import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';
import { list, text, toggle } from '../../flags/spec.ts';
import { created } from '../../output/values.ts';
import { runSession } from '../../terminal/session.ts';
import { duplex, resizer } from './attach-to.ts';

const finished = z.object({ ExitCode: z.nullish(z.number()) });

export const exec = command({
  synopsis: 'CONTAINER COMMAND [ARG...]',
  description: 'Run a command in a running container',
  takes: { CONTAINER: 'running' },
  args: [2],
  interspersed: false,
  flags: {
    detach: toggle('Detached mode: run command in the background', { short: 'd' }),
    env: list('Set environment variables', { short: 'e' }),
    interactive: toggle('Keep STDIN open even if not attached', { short: 'i' }),
    privileged: toggle('Give extended privileges to the command'),
    tty: toggle('Allocate a pseudo-TTY', { short: 't' }),
    user: text('Username or UID (format: "<name|uid>[:<group|gid>]")', { short: 'u' }),
    workdir: text('Working directory inside the container', { short: 'w' }),
  },
  async run({ flags, args: [container = '', ...words], client, shell }) {
    const { detach, interactive, tty } = flags;
    if (!detach && tty && interactive && !shell.stdin.isTTY)
      throw new Failure('the input device is not a TTY');
    const body = {
      User: flags.user,
      Privileged: flags.privileged,
      Tty: tty,
      AttachStdin: interactive && !detach,
      AttachStdout: !detach,
      AttachStderr: !detach,
      Env: flags.env,
      WorkingDir: flags.workdir,
      Cmd: words,
    };
    const path = `/containers/${encodeURIComponent(container)}/exec`;
    const { Id } = await client.request('POST', path, { body }, created);
    if (detach) {
      await client.tell((docker) => docker.getExec(Id).start({ Detach: true, Tty: tty }));
      return 0;
    }
    const options = { hijack: true, stdin: true, Tty: tty };
    const stream = await client.ask((docker) => docker.getExec(Id).start(options), duplex);
    if (!interactive) stream.end();
    await runSession(stream, { tty, interactive, resize: resizer(client, `/exec/${Id}`) }, shell);
    const { ExitCode } = await client.ask((docker) => docker.getExec(Id).inspect(), finished);
    return ExitCode ?? 0;
  },
});
