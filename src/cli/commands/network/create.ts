import { command } from '../../command.ts';
import { list, text, toggle } from '../../flags/spec.ts';
import { free, scopes, yesOrNo } from '../../flags/takes.ts';
import { keyValues } from '../../flags/values.ts';
import { created } from '../../output/values.ts';

const gatewayModes = ['nat', 'nat-unprotected', 'routed', 'isolated'];

/** docs/overlay.md, and the Engine's for the bridge. */
const driverOptions = {
  'com.docker.network.bridge.enable_icc': yesOrNo,
  'com.docker.network.bridge.enable_ip_masquerade': yesOrNo,
  'com.docker.network.bridge.gateway_mode_ipv4': gatewayModes,
  'com.docker.network.bridge.gateway_mode_ipv6': gatewayModes,
  'com.docker.network.bridge.host_binding_ipv4': free,
  'com.docker.network.bridge.name': free,
  'com.docker.network.bridge.trusted_host_interfaces': free,
  'com.docker.network.container_iface_prefix': free,
  'com.docker.network.driver.mtu': free,
  'com.docker.network.driver.overlay.vxlanid_list': free,
  'com.docker.network.enable_ipv4': yesOrNo,
  'com.docker.network.enable_ipv6': yesOrNo,
  encrypted: yesOrNo,
};

const flags = {
  driver: text('Driver to manage the Network', { short: 'd', takes: 'driver' }),
  attachable: toggle('Enable manual container attachment'),
  'aux-address': list('Auxiliary IPv4 or IPv6 addresses used by Network driver', { map: true }),
  'config-from': text('The network from which to copy the configuration', { takes: 'network' }),
  'config-only': toggle('Create a configuration only network'),
  gateway: list('IPv4 or IPv6 Gateway for the master subnet', { commas: true }),
  ingress: toggle('Create swarm routing-mesh network'),
  internal: toggle('Restrict external access to the network'),
  'ip-range': list('Allocate container ip from a sub-range', { commas: true }),
  'ipam-driver': text('IP Address Management Driver', { initial: 'default', takes: ['default', 'null'] }),
  'ipam-opt': list('Set IPAM driver specific options', { map: true }),
  ipv4: toggle('Enable or disable IPv4 address assignment', { initial: true }),
  ipv6: toggle('Enable or disable IPv6 address assignment'),
  label: list('Set metadata on a network'),
  opt: list('Set driver specific options', { short: 'o', map: true, takes: driverOptions }),
  scope: text("Control the network's scope", { takes: scopes }),
  subnet: list('Subnet in CIDR format that represents a network segment', { commas: true }),
};

export const create = command({
  synopsis: 'NETWORK-NAME',
  description: 'Creates a new network with a name specified by the user',
  args: [1, 1],
  flags,
  async run({ flags, given, args, client, shell }) {
    const { poolsOf } = await import('./pools.ts');
    const body = {
      Name: args[0] ?? '',
      CheckDuplicate: true,
      // Empty: the daemon's default driver, which --default-network sets (docker-facts 1.6).
      Driver: flags.driver,
      Scope: flags.scope,
      IPAM: {
        Driver: flags['ipam-driver'],
        Options: keyValues('ipam-opt', flags['ipam-opt']),
        Config: [...poolsOf(flags)],
      },
      Internal: flags.internal,
      Attachable: flags.attachable,
      Ingress: flags.ingress,
      ConfigOnly: flags['config-only'],
      ConfigFrom: flags['config-from'] === '' ? null : { Network: flags['config-from'] },
      Options: keyValues('opt', flags.opt),
      Labels: keyValues('label', flags.label),
      ...(given.has('ipv4') ? { EnableIPv4: flags.ipv4 } : {}),
      ...(given.has('ipv6') ? { EnableIPv6: flags.ipv6 } : {}),
    };
    const { Id, Warning } = await client.request('POST', '/networks/create', { body }, created);
    if (Warning)
      shell.stderr.write(`WARNING: ${Warning}
`);
    shell.stdout.write(`${Id}\n`);
  },
});
