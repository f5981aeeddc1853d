import { command } from '../../command.ts';
import { DaemonError } from '../../failure.ts';
import { toggle } from '../../flags/spec.ts';
import { forEach } from '../each.ts';

export const rm = command({
  synopsis: 'NETWORK [NETWORK...]',
  description: 'Deletes a network',
  args: [1],
  flags: { force: toggle('Do not error if the network does not exist', { short: 'f' }) },
  async run({ args, flags, client, shell, path }) {
    const remove = async (ref: string) => {
      try {
        await client.tell((docker) => docker.getNetwork(encodeURIComponent(ref)).remove());
        return ref;
      } catch (error) {
        if (flags.force && error instanceof DaemonError && error.status === 404) return undefined;
        throw error;
      }
    };
    return forEach(args, remove, { shell, client, path });
  },
});
