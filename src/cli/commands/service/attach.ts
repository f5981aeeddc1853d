import { command } from '../../command.ts';
import { anything } from '../../output/values.ts';
import { servicePath } from './records.ts';

export const attach = command({
  synopsis: 'CONTAINER SERVICE[.NETWORK]',
  description: 'Sets a container as a service backend',
  args: [2, 2],
  flags: {},
  async run({ args: [container = '', ref = ''], client }) {
    const body = { container_id: container };
    await client.request('POST', servicePath({ id: ref }, 'backend'), { query: { ref: 1 }, body }, anything);
  },
});
