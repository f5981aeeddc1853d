import * as z from 'zod/mini';
import { command } from '../../command.ts';
import { UsageError } from '../../failure.ts';
import { list, toggle } from '../../flags/spec.ts';
import { experimental } from './records.ts';

export const publish = command({
  synopsis: 'SERVICE[.NETWORK]',
  description: 'Publish a new service on a network',
  takes: { 'SERVICE[.NETWORK]': 'new-service' },
  args: [1, 1],
  flags: {
    alias: list('Another name that the service answers to', { commas: true }),
    expose: list('Port of the service, for SRV records: PORT[/tcp|udp|sctp]', { commas: true }),
    shared: toggle('Let several containers back the service, each with its own address'),
  },
  async run({ args: [ref = ''], flags, client, shell }) {
    const body = {
      ref,
      shared: flags.shared,
      my_aliases: flags.alias,
      exposed_ports: flags.expose.map(exposedPort),
    };
    const id = await client.request('POST', `${experimental}/services`, { body }, z.string());
    shell.stdout.write(`${id}\n`);
  },
});

/** Protocol numbers of IANA, as 2015's API wanted them. */
const protocols: Readonly<Record<string, number>> = { tcp: 6, udp: 17, sctp: 132 };

function exposedPort(text: string): { readonly Proto: number; readonly Port: number } {
  const [, port, protocol = 'tcp'] = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text) ?? [];
  const number = Number(port);
  if (!(number >= 1 && number <= 65535)) {
    throw new UsageError(`invalid argument "${text}" for "--expose" flag: expected PORT[/tcp|udp|sctp]`);
  }
  return { Proto: protocols[protocol] ?? 6, Port: number };
}
