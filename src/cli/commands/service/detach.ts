import { command } from '../../command.ts';
import { anything } from '../../output/values.ts';
import { findService, servicePath } from './records.ts';

export const detach = command({
  synopsis: 'CONTAINER SERVICE',
  description: 'Removes a container from service backend',
  args: [2, 2],
  flags: {},
  async run({ args: [container = '', ref = ''], client }) {
    const service = await findService(client, ref);
    await client.request('DELETE', servicePath(service, 'backend', container), {}, anything);
  },
});
