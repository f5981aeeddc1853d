import { command } from '../../command.ts';
import { text } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
import { findService } from './records.ts';

export const info = command({
  synopsis: 'SERVICE[.NETWORK]',
  description: 'Displays detailed information about a service',
  args: [1, 1],
  flags: { format: text('Format output using a Go template, or json', { takes: objectFormats }) },
  async run({ args: [ref = ''], flags, client, shell, path }) {
    if (flags.format !== '') {
      return inspectAll([ref], flags.format, (one) => findService(client, one), { shell, client, path });
    }
    const service = await findService(client, ref);
    shell.stdout.write(`Service Id: ${service.id}\n\tName: ${service.name}\n\tNetwork: ${service.network}\n`);
  },
});
