import type { Client } from '../../client/client.ts';
import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';
import { toggle } from '../../flags/spec.ts';
import type { Shell } from '../../shell.ts';
import { runSession } from '../../terminal/session.ts';
import { attachTo, resizer, waitFor } from './attach-to.ts';
import { forEachContainer } from './lifecycle.ts';
import { containerState } from './records.ts';

export const start = command({
  synopsis: 'CONTAINER [CONTAINER...]',
  description: 'Start one or more stopped containers',
  args: [1],
  flags: {
    attach: toggle('Attach STDOUT/STDERR and forward signals', { short: 'a' }),
    interactive: toggle("Attach container's STDIN", { short: 'i' }),
  },
  async run({ args, flags, client, shell, path }) {
    if (flags.attach || flags.interactive) {
      const [ref = '', ...others] = args;
      if (others.length > 0) throw new Failure('you cannot start and attach multiple containers at once');
      return startAttached(client, ref, flags.interactive, shell);
    }
    return forEachContainer({ args, shell, client, path }, (container) => container.start());
  },
});

async function startAttached(
  client: Client,
  ref: string,
  interactive: boolean,
  shell: Shell,
): Promise<number> {
  const name = encodeURIComponent(ref);
  const { Id, Config } = await client.ask((docker) => docker.getContainer(name).inspect(), containerState);
  const stream = await attachTo(client, Id, { stdin: interactive });
  const exited = waitFor(client, Id, 'next-exit');
  exited.catch(() => {});
  await client.tell((docker) => docker.getContainer(Id).start());
  const session = { tty: Config.Tty, interactive, resize: resizer(client, `/containers/${Id}`) };
  return (await runSession(stream, session, shell)) === 'detached' ? 0 : await exited;
}
