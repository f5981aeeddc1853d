import { command } from '../../command.ts';
import { DaemonError } from '../../failure.ts';
import { toggle } from '../../flags/spec.ts';

export const rm = command({
  synopsis: 'NETWORK [NETWORK...]',
  description: 'Deletes a network',
  args: [1],
  flags: { force: toggle('Do not error if the network does not exist', { short: 'f' }) },
  async run({ args, flags, connect, shell }) {
    const client = await connect();
    let failed = false;
    for (const ref of args) {
      try {
        await client.tell((docker) => docker.getNetwork(encodeURIComponent(ref)).remove());
        shell.stdout.write(`${ref}\n`);
      } catch (error) {
        if (!(error instanceof DaemonError)) throw error;
        if (flags.force && error.status === 404) continue;
        shell.stderr.write(`${error.message}\n`);
        failed = true;
      }
    }
    return failed ? 1 : 0;
  },
});
