import { createInterface } from 'node:readline';
import * as z from 'zod/mini';
import { visible } from '../../../lib/plain-text.ts';
import { openStream } from '../../client/streams.ts';
import { command } from '../../command.ts';
import { list, text, toggle } from '../../flags/spec.ts';
import { free, objectFormats, scopes, type Takes } from '../../flags/takes.ts';
import { parseTime } from '../../flags/time.ts';
import { filterQuery } from '../../flags/values.ts';
import { compileFormat } from '../../format/formatter.ts';
import { exactJson } from '../../output/values.ts';
import { parseExactly } from '../../template/exact-json.ts';

const filters = {
  container: 'container',
  daemon: free,
  event: [
    'attach',
    'connect',
    'create',
    'destroy',
    'die',
    'disconnect',
    'publish',
    'start',
    'stop',
    'unpublish',
  ],
  image: free,
  label: free,
  network: 'network',
  node: 'node',
  scope: scopes,
  service: 'service',
  type: ['container', 'daemon', 'network', 'node', 'service'],
} satisfies Takes;

const eventRecord = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.nullish(z.record(z.string(), z.string())) }),
  timeNano: z.union([z.number(), z.bigint()]),
});

type EventRecord = z.infer<typeof eventRecord>;

export const events = command({
  synopsis: '',
  description: 'Get real time events from the daemon',
  args: [0, 0],
  flags: {
    cluster: toggle('Show what changes in the whole cluster'),
    filter: list('Filter output based on conditions provided', { short: 'f', takes: filters }),
    format: text('Format output using a Go template, or json', { takes: objectFormats }),
    since: text('Show all events created since timestamp'),
    until: text('Stream events until this timestamp'),
  },
  async run({ flags, client, shell }) {
    if (flags.cluster) {
      const { clusterEvents } = await import('./cluster-events.ts');
      return await clusterEvents({ ...flags, shell, client });
    }
    const write = lineWriter(flags.format);
    const stream = await openStream(client, '/events', {
      ...(flags.since ? { since: parseTime('since', flags.since) } : {}),
      ...(flags.until ? { until: parseTime('until', flags.until) } : {}),
      ...filterQuery('-f, --filter', flags.filter),
    });
    // One line is one event; chunks of the connection are not.
    for await (const line of createInterface({ input: stream })) {
      if (line.trim() !== '') shell.stdout.write(Buffer.from(`${write(line)}\n`));
    }
  },
});

/** Of one event's JSON; `plain` writes it where no format was asked for. */
export function lineWriter(format: string, plain = plainLine): (line: string) => string {
  if (format === 'json') return (line) => visible(line.trim());
  if (format === '') return plain;
  const template = compileFormat(format);
  return (line) => {
    return template.render(exactJson.parse(parseExactly(line)));
  };
}

function plainLine(line: string): string {
  return eventLine(eventRecord.parse(parseExactly(line)));
}

/** `2026-11-21T21:26:21.745938023Z network create <id> (name=foo, type=bridge)` */
function eventLine({ Type, Action, Actor, timeNano }: EventRecord): string {
  const digits = String(timeNano);
  const [seconds, nanos] = [digits.slice(0, -9), digits.slice(-9).padStart(9, '0')];
  const time = `${new Date(Number(seconds) * 1000).toISOString().slice(0, 19)}.${nanos}Z`;
  const attributes = Object.entries(Actor.Attributes ?? {}).map(([key, value]) => `${key}=${value}`);
  const suffix = attributes.length > 0 ? ` (${attributes.sort().join(', ')})` : '';
  return visible(`${time} ${Type} ${Action} ${Actor.ID}${suffix}`);
}
