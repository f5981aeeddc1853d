import { command } from '../../command.ts';
import { toggle } from '../../flags/spec.ts';
import { anything } from '../../output/values.ts';
import { servicePath } from './records.ts';

export const attach = command({
  synopsis: 'CONTAINER SERVICE[.NETWORK]',
  description: 'Sets a container as a service backend',
  args: [2, 2],
  flags: {
    standby: toggle('Wait while another container has the service, and take it over when it is next'),
  },
  async run({ args: [container = '', ref = ''], flags, client }) {
    const body = { container_id: container, ...(flags.standby ? { standby: true } : {}) };
    await client.request('POST', servicePath({ id: ref }, 'backend'), { query: { ref: 1 }, body }, anything);
  },
});
