import { command } from '../../command.ts';
import { toggle } from '../../flags/spec.ts';
import { anything } from '../../output/values.ts';
import { findService, servicePath } from './records.ts';

export const unpublish = command({
  synopsis: 'SERVICE[.NETWORK]',
  description: 'Removes a service',
  args: [1, 1],
  flags: { force: toggle('force unpublish service', { short: 'f' }) },
  async run({ args: [ref = ''], flags, client }) {
    const service = await findService(client, ref);
    const query = flags.force ? { force: 1 } : {};
    await client.request('DELETE', servicePath(service), { query }, anything);
  },
});
