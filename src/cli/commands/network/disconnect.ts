import { command } from '../../command.ts';
import { toggle } from '../../flags/spec.ts';
import { anything } from '../../output/values.ts';

export const disconnect = command({
  synopsis: 'NETWORK CONTAINER',
  description: 'Disconnect a container from a network',
  args: [2, 2],
  flags: { force: toggle('Force the container to disconnect from a network', { short: 'f' }) },
  async run({ args: [network = '', container = ''], flags, client }) {
    const body = { Container: container, Force: flags.force };
    await client.request('POST', `/networks/${encodeURIComponent(network)}/disconnect`, { body }, anything);
  },
});
