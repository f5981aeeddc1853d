import { visibleLines } from '../../../lib/plain-text.ts';
import { command } from '../../command.ts';
import { text } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
import { findService, type ServiceRecord } from './records.ts';

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
    if (service.candidates.length > 0) shell.stdout.write(standbyLines(service));
  },
});

/** Of a service with standbys: who has it, since when and why, and who is next. */
function standbyLines({ providers, candidates }: ServiceRecord): string {
  const [holder] = providers;
  const took = holder?.took_over ? `, took over from ${holder.took_over.from}: ${holder.took_over.why}` : '';
  const has = holder ? `${holder.container_name} since ${holder.since}${took}` : 'nobody';
  const waiting = candidates.filter(({ container_id }) => container_id !== holder?.container_id);
  const lines = waiting.map(
    ({ container_name, since, ready, preempts }) =>
      `\t\t${container_name} since ${since}${ready ? '' : ', unhealthy'}${preempts ? ', preempts' : ''}\n`,
  );
  return visibleLines(`\tHolder: ${has}\n\tStandby:${lines.length > 0 ? '' : ' none'}\n${lines.join('')}`);
}
