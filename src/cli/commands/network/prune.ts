import * as z from 'zod/mini';
import { command } from '../../command.ts';
import { list, toggle } from '../../flags/spec.ts';
import { free } from '../../flags/takes.ts';
import { filterQuery } from '../../flags/values.ts';
import { confirmed } from '../../output/prompt.ts';

const pruned = z.object({ NetworksDeleted: z.nullish(z.array(z.string())) });

export const prune = command({
  synopsis: '',
  description: 'Remove all unused networks',
  args: [0, 0],
  flags: {
    filter: list('Provide filter values (e.g. "until=<timestamp>")', { takes: { label: free, until: free } }),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  async run({ flags, client, shell }) {
    const query = filterQuery('--filter', flags.filter);
    const warning = 'WARNING! This will remove all custom networks not used by at least one container.';
    if (!flags.force && !(await confirmed(warning, shell))) return;
    const { NetworksDeleted } = await client.request('POST', '/networks/prune', { query }, pruned);
    if (!NetworksDeleted?.length) return;
    shell.stdout.write(`Deleted Networks:\n${NetworksDeleted.map((name) => `${name}\n`).join('')}\n`);
  },
});
