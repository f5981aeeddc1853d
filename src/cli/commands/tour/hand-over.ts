import { delimiter, join } from 'node:path';
import type { Shell } from '../../shell.ts';
import type { TourDaemon } from './daemon-process.ts';
import { usualDnsPort } from './dns-port.ts';
import { shellQuoted } from './player.ts';

type Whereabouts = Pick<TourDaemon, 'host' | 'dnsPort'>;

/** The address of DNS; shown at the start, since the port may differ from the one in the docs. */
export function dnsLine({ dnsPort }: Whereabouts): string {
  const why = dnsPort === usualDnsPort ? '' : ` (${usualDnsPort} is taken by another program)`;
  return `DNS on 127.0.0.1 port ${dnsPort}${why}`;
}

/** The settings that make the README's commands work in another terminal. */
export function goOn({ host, dnsPort }: Whereabouts, bin: string): string {
  return [
    'The daemon stays until Ctrl-C here, which also removes everything it made. In another terminal:',
    '',
    `  export PATH=${shellQuoted(bin)}${delimiter}$PATH`,
    `  export FAIRLEAD_HOST=${host}`,
    `  export FAIRLEAD_DNS_PORT=${dnsPort}`,
    '  docker network ls',
    '',
    'Once my-service is published, this asks for it as the container with that address does:',
    '',
    `  dig +short +subnet=172.18.0.3/32 @127.0.0.1 -p ${dnsPort} my-service`,
    '',
    `Without the tour: ${program(bin)} daemon`,
  ].join('\n');
}

/** A tour into a pipe or a log file is over with its last line; a daemon that stayed would have no owner. */
export function ended(bin: string, { env }: Shell): string {
  const stay = env.npm_lifecycle_event === 'start' ? 'npm start -- --stay' : `${program(bin)} tour --stay`;
  return [
    'This is no terminal, so the daemon of the tour has ended. To go on:',
    '',
    `  ${stay}    # a daemon that stays until it is ended`,
    `  ${program(bin)} daemon    # one without the tour`,
  ].join('\n');
}

function program(bin: string): string {
  return shellQuoted(join(bin, 'fairlead'));
}
