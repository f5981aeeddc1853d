import * as z from 'zod/mini';
import { command } from '../../command.ts';
import { text, toggle } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { toJson } from '../../template/values.ts';

const diagnosis = z.object({
  checked: z.number(),
  findings: z.array(z.object({ text: z.string(), network: z.optional(z.string()), repaired: z.boolean() })),
});

type Diagnosis = z.infer<typeof diagnosis>;

export const doctor = command({
  synopsis: '[NETWORK]',
  description: 'Compare this host with its records, and repair it',
  args: [0, 1],
  flags: {
    repair: toggle('Repair what differs'),
    format: text('Output format: json', { takes: objectFormats }),
  },
  async run({ args: [network], flags, client, shell }) {
    const query = network === undefined ? {} : { network };
    const method = flags.repair ? 'POST' : 'GET';
    const report = await client.request(method, '/fairlead/doctor', { query }, diagnosis);
    shell.stdout.write(flags.format === 'json' ? `${toJson(report)}\n` : describe(report));
    return report.findings.every(({ repaired }) => repaired) ? 0 : 1;
  },
});

function describe({ checked, findings }: Diagnosis): string {
  const lines = findings.map(
    ({ text: what, network, repaired }) =>
      `${network === undefined ? '' : `${network}: `}${what}${repaired ? ' (repaired)' : ''}\n`,
  );
  const wrong = findings.filter(({ repaired }) => !repaired).length;
  return `${lines.join('')}${checked} checked, ${wrong === 0 ? 'all as it should be' : `${wrong} wrong`}\n`;
}
