import type Docker from 'dockerode';
import { type Context, command } from '../../command.ts';
import { DaemonError } from '../../failure.ts';
import { type FlagValues, number, text, toggle } from '../../flags/spec.ts';
import { signals } from '../../flags/takes.ts';
import { forEach } from '../each.ts';
import { waitFor } from './attach-to.ts';

/** stop, restart, kill, rm, wait and rename: one call per name. */

const several = 'CONTAINER [CONTAINER...]';

function container(docker: Docker, ref: string): Docker.Container {
  return docker.getContainer(encodeURIComponent(ref));
}

/** Applies one call to each container, and prints the names of those it succeeded for. @returns the exit code */
export async function forEachContainer(
  { args, ...context }: Context & { readonly args: readonly string[] },
  call: (container: Docker.Container) => Promise<unknown>,
): Promise<number> {
  const client = context.client;
  const act = (ref: string) => client.tell((docker) => call(container(docker, ref))).then(() => ref);
  return await forEach(args, act, context);
}

const stopFlags = {
  signal: text('Signal to send to the container', { short: 's', takes: signals }),
  time: number('Seconds to wait before killing the container', { short: 't', aliases: ['timeout'] }),
};

function stopOptions({ time, signal }: FlagValues<typeof stopFlags>, given: ReadonlySet<string>) {
  return { ...(given.has('time') ? { t: time } : {}), ...(signal ? { signal } : {}) };
}

export const stop = command({
  synopsis: several,
  description: 'Stop one or more running containers',
  takes: { CONTAINER: 'running' },
  args: [1],
  flags: stopFlags,
  run({ flags, given, ...rest }) {
    const options = stopOptions(flags, given);
    return forEachContainer(rest, (container) => container.stop(options));
  },
});

export const restart = command({
  synopsis: several,
  description: 'Restart one or more containers',
  args: [1],
  flags: stopFlags,
  run({ flags, given, ...rest }) {
    const options = stopOptions(flags, given);
    return forEachContainer(rest, (container) => container.restart(options));
  },
});

export const kill = command({
  synopsis: several,
  description: 'Kill one or more running containers',
  takes: { CONTAINER: 'running' },
  args: [1],
  flags: { signal: text('Signal to send to the container', { short: 's', initial: 'KILL', takes: signals }) },
  run({ flags: { signal }, ...rest }) {
    return forEachContainer(rest, (container) => container.kill({ signal }));
  },
});

export const rm = command({
  synopsis: several,
  description: 'Remove one or more containers',
  args: [1],
  flags: {
    force: toggle('Force the removal of a running container (uses SIGKILL)', { short: 'f' }),
    volumes: toggle('Remove anonymous volumes associated with the container', { short: 'v' }),
  },
  async run({ args, flags: { force, volumes }, client, shell, path }) {
    const options = { ...(force ? { force: 1 } : {}), ...(volumes ? { v: 1 } : {}) };
    const remove = async (ref: string) => {
      try {
        await client.tell((docker) => container(docker, ref).remove(options));
        return ref;
      } catch (error) {
        // With -f a container that is already gone is a success (docker-facts 6.4).
        if (!force || !(error instanceof DaemonError) || error.status !== 404) throw error;
        shell.stderr.write(`${error.message}\n`);
        return undefined;
      }
    };
    return forEach(args, remove, { shell, client, path });
  },
});

export const wait = command({
  synopsis: several,
  description: 'Block until one or more containers stop, then print their exit codes',
  args: [1],
  flags: {},
  async run({ args, client, shell, path }) {
    return forEach(args, async (ref) => String(await waitFor(client, ref, 'not-running')), {
      shell,
      client,
      path,
    });
  },
});

export const rename = command({
  synopsis: 'CONTAINER NEW_NAME',
  description: 'Rename a container',
  args: [2, 2],
  flags: {},
  async run({ args: [ref = '', name = ''], client }) {
    await client.tell((docker) => container(docker, ref).rename({ name }));
  },
});
