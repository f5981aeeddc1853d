import { command } from '../../command.ts';
import { list, number, text } from '../../flags/spec.ts';
import { keyValues } from '../../flags/values.ts';
import { anything } from '../../output/values.ts';

export const connect = command({
  synopsis: 'NETWORK CONTAINER',
  description: 'Connect a container to a network',
  args: [2, 2],
  flags: {
    alias: list('Add network-scoped alias for the container', { commas: true }),
    'driver-opt': list('driver options for the network', { commas: true }),
    'gw-priority': number(
      'Highest gw-priority provides the default gateway. Accepts positive and negative values.',
      { initial: 0 },
    ),
    ip: text('IPv4 address (e.g., "172.30.100.104")'),
    ip6: text('IPv6 address (e.g., "2001:db8::33")'),
    link: list('Add link to another container', { takes: 'container' }),
    'link-local-ip': list('Add a link-local address for the container', { commas: true }),
  },
  async run({ args: [network = '', container = ''], flags, client }) {
    const body = {
      Container: container,
      EndpointConfig: {
        IPAMConfig: {
          ...(flags.ip ? { IPv4Address: flags.ip } : {}),
          ...(flags.ip6 ? { IPv6Address: flags.ip6 } : {}),
          ...(flags['link-local-ip'].length > 0 ? { LinkLocalIPs: flags['link-local-ip'] } : {}),
        },
        Links: flags.link,
        Aliases: flags.alias,
        DriverOpts: keyValues('driver-opt', flags['driver-opt']),
        GwPriority: flags['gw-priority'],
      },
    };
    await client.request('POST', `/networks/${encodeURIComponent(network)}/connect`, { body }, anything);
  },
});
