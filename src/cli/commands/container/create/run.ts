import type { Client } from '../../../client/client.ts';
import { command } from '../../../command.ts';
import { DaemonError, Failure } from '../../../failure.ts';
import { text, toggle } from '../../../flags/spec.ts';
import type { Shell } from '../../../shell.ts';
import { runSession } from '../../../terminal/session.ts';
import { proxySignals } from '../../../terminal/signal-proxy.ts';
import { attachTo, resizer, waitFor } from '../attach-to.ts';
import { type AttachedStreams, attachedStreams, type CreateValues, createBody, detached } from './body.ts';
import { createContainer } from './create.ts';
import { createFlags } from './flags.ts';

export const run = command({
  synopsis: 'IMAGE [COMMAND] [ARG...]',
  description: 'Run a command in a new container',
  args: [1],
  interspersed: false,
  flags: {
    ...createFlags,
    detach: toggle('Run container in background and print container ID', { short: 'd' }),
    'sig-proxy': toggle('Proxy received signals to the process', { initial: true }),
    'detach-keys': text('Override the key sequence for detaching a container', { hidden: true }),
  },
  async run({ flags, given, args, client, shell }) {
    if (!flags.detach) checkTerminal(flags, shell);
    if (flags.detach && flags.attach.length > 0)
      throw new Failure('conflicting options: cannot specify both --attach and --detach');
    const streams = flags.detach ? detached : attachedStreams(flags);
    const body = createBody(flags, args, streams, shell.env, given);
    const id = await beforeStart(() => createContainer(client, flags, body, shell));
    if (!flags.detach) return runAttached(client, id, { ...flags, streams }, shell);
    await start(client, id);
    shell.stdout.write(`${id}\n`);
  },
});

function checkTerminal({ tty, interactive }: CreateValues, { stdin }: Shell): void {
  if (tty && interactive && !stdin.isTTY) throw new Failure('the input device is not a TTY');
}

export type AttachedFlags = Pick<CreateValues, 'tty' | 'interactive' | 'rm'> & {
  readonly 'sig-proxy': boolean;
  /** Absent: its output, and its input where it is interactive. */
  readonly streams?: AttachedStreams;
};

/** Attached before it starts, so that no output is missed; waited for before, so that no end is. */
export async function runAttached(
  client: Client,
  id: string,
  flags: AttachedFlags,
  shell: Shell,
): Promise<number> {
  const { tty, interactive, rm } = flags;
  const stream = await orRemove(client, id, () =>
    attachTo(client, id, flags.streams ?? { stdin: interactive }),
  );
  const exited = waitFor(client, id, rm ? 'removed' : 'next-exit');
  // The wait below reports the failure; unhandled it would end the process.
  exited.catch(() => {});
  const proxied = flags['sig-proxy'] && !(tty && interactive);
  const stopProxy = proxied ? proxySignals((signal) => kill(client, id, signal)) : () => {};
  try {
    await start(client, id);
    const session = { tty, interactive, resize: resizer(client, `/containers/${id}`) };
    const how = await runSession(stream, session, shell);
    return how === 'detached' ? 0 : await exited;
  } finally {
    stopProxy();
    stream.destroy();
  }
}

async function kill(client: Client, id: string, signal: string): Promise<void> {
  await client.tell((docker) => docker.getContainer(id).kill({ signal }));
}

/** One that was to be removed at its end is removed by the daemon when it cannot start. */
async function start(client: Client, id: string): Promise<void> {
  await beforeStart(() => client.tell((docker) => docker.getContainer(id).start()));
}

/** A container that could not do what it was made for is not left to its user. */
async function orRemove<T>(client: Client, id: string, step: () => Promise<T>): Promise<T> {
  try {
    return await beforeStart(step);
  } catch (error) {
    await client.tell((docker) => docker.getContainer(id).remove({ force: true }));
    throw error;
  }
}

/** What keeps a container from starting ends `run` with Docker's codes: 127 not found, 126 not executable, 125 else. */
async function beforeStart<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    throw new Failure(error.message, startExitCode(error.reason), { cause: error });
  }
}

function startExitCode(reason: string): number {
  if (/not found|no such file or directory/i.test(reason) && /executable|command|program|exec/i.test(reason))
    return 127;
  if (/permission denied|not executable|is a directory/i.test(reason)) return 126;
  return 125;
}
