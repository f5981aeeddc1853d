import { command } from '../../command.ts';
import { toggle } from '../../flags/spec.ts';
import { anything } from '../../output/values.ts';
import { servicePath } from './records.ts';

export const promote = command({
  synopsis: 'CONTAINER SERVICE[.NETWORK]',
  description: 'Has a standby take the service over now',
  args: [2, 2],
  flags: {
    preempt: toggle('From now on it takes the service back whenever it is healthy'),
  },
  async run({ args: [container = '', ref = ''], flags, client }) {
    const query = { ref: 1, ...(flags.preempt ? { preempt: 1 } : {}) };
    await client.request(
      'POST',
      servicePath({ id: ref }, 'backend', container, 'promote'),
      { query },
      anything,
    );
  },
});
