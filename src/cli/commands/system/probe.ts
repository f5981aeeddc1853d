import * as z from 'zod/mini';
import type { Client } from '../../client/client.ts';
import { command } from '../../command.ts';
import { text } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import type { Shell } from '../../shell.ts';
import { toJson } from '../../template/values.ts';

const answer = z.object({
  address: z.string(),
  network: z.string(),
  owner: z.string(),
  container: z.string(),
  node: z.string(),
  reachable: z.boolean(),
  path: z.array(z.string()),
  reason: z.optional(z.string()),
});

const probeRecord = z.object({
  container: z.string(),
  name: z.string(),
  verdict: z.string(),
  rcode: z.string(),
  answers: z.array(answer),
  reason: z.optional(z.string()),
});

type ProbeRecord = z.infer<typeof probeRecord>;

export const probe = command({
  synopsis: 'CONTAINER NAME',
  description: 'Show how a container resolves a name: its addresses, the answering server and the path',
  args: [2, 2],
  flags: { format: text('Output format: json', { takes: objectFormats }) },
  async run({ args: [container = '', name = ''], flags, client, shell }) {
    const report = await client.request(
      'GET',
      '/fairlead/probe',
      { query: { container, name } },
      probeRecord,
    );
    shell.stdout.write(flags.format === 'json' ? `${toJson(report)}\n` : describe(report));
    if (report.verdict === 'no-such-name') await suggest(name, client, shell);
    const reached = report.answers.some(({ reachable }) => reachable);
    return reached || report.verdict === 'forwarded' ? 0 : 1;
  },
});

async function suggest(name: string, client: Client, { stderr }: Shell): Promise<void> {
  const { meantByName } = await import('../../meant.ts');
  const hint = await meantByName(name, client);
  if (hint !== '') stderr.write(`${hint}\n`);
}

function describe({ container, name, verdict, rcode, answers, reason }: ProbeRecord): string {
  const head = `${name} for ${container}: ${verdict} (${rcode})${reason ? `: ${reason}` : ''}`;
  const lines = answers.flatMap((one) => [
    `  ${one.address} on ${one.network}: ${one.owner}, container ${one.container} on ${one.node}`,
    one.reachable
      ? `    reachable: ${one.path.join(' -> ')}`
      : `    not reachable: ${one.reason ?? 'no path'}${one.path.length > 0 ? ` (${one.path.join(' -> ')})` : ''}`,
  ]);
  return `${[head, ...lines].join('\n')}\n`;
}
