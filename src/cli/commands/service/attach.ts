import { command } from '../../command.ts';
import { anything } from '../../output/values.ts';
import { findService, servicePath } from './records.ts';

export const attach = command({
  synopsis: 'CONTAINER SERVICE[.NETWORK]',
  description: 'Sets a container as a service backend',
  args: [2, 2],
  flags: {},
  async run({ args: [container = '', ref = ''], connect }) {
    const client = await connect();
    const service = await findService(client, ref);
    const body = { container_id: container };
    await client.request('POST', servicePath(service, 'backend'), { body }, anything);
    return 0;
  },
});
