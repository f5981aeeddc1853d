import * as z from 'zod/mini';
import { command } from '../../command.ts';

const resyncRecord = z.object({ added: z.array(z.string()), removed: z.array(z.string()) });

export const resync = command({
  synopsis: '',
  description: 'Rebuild the names from the records without interrupting DNS, and show what changed',
  args: [0, 0],
  flags: {},
  async run({ client, shell }) {
    const { added, removed } = await client.request('POST', '/fairlead/dns/resync', {}, resyncRecord);
    const lines = [...added.map((line) => `+ ${line}`), ...removed.map((line) => `- ${line}`)];
    shell.stdout.write(lines.length > 0 ? `${lines.join('\n')}\n` : 'nothing changed\n');
  },
});
