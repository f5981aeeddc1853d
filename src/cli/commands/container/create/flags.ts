import { type FlagValues, list, number, text, toggle } from '../../../flags/spec.ts';
import { signals } from '../../../flags/takes.ts';
import { isolationFlags } from './isolation-flags.ts';
import { resourceFlags } from './resources/flags.ts';
import { healthFlags } from './resources/health-flags.ts';

const restartPolicies = ['always', 'no', 'on-failure', 'on-failure:', 'unless-stopped'];

/** What a container is made from: shared by `run` and `create`. */
export const createFlags = {
  ...isolationFlags,
  ...resourceFlags,
  ...healthFlags,
  'add-host': list('Add a custom host-to-IP mapping (host:ip)'),
  attach: list('Attach to STDIN, STDOUT or STDERR', { short: 'a', takes: ['stdin', 'stdout', 'stderr'] }),
  cidfile: text('Write the container ID to the file', { takes: 'file' }),
  dns: list('Set custom DNS servers'),
  'dns-option': list('Set DNS options', { aliases: ['dns-opt'] }),
  'dns-search': list('Set custom DNS search domains'),
  domainname: text('Container NIS domain name'),
  entrypoint: text('Overwrite the default ENTRYPOINT of the image'),
  env: list('Set environment variables', { short: 'e' }),
  'env-file': list('Read in a file of environment variables', { takes: 'file' }),
  expose: list('Expose a port or a range of ports'),
  hostname: text('Container host name', { short: 'h' }),
  interactive: toggle('Keep STDIN open even if not attached', { short: 'i' }),
  ip: text('IPv4 address (e.g., 172.30.100.104)'),
  ip6: text('IPv6 address (e.g., 2001:db8::33)'),
  label: list('Set meta data on a container', { short: 'l' }),
  'label-file': list('Read in a line delimited file of labels', { takes: 'file' }),
  link: list('Add link to another container', { takes: 'container' }),
  'link-local-ip': list('Container IPv4/IPv6 link-local addresses'),
  'mac-address': text('Container MAC address (e.g., 92:d0:c6:0a:29:33)'),
  name: text('Assign a name to the container'),
  network: list('Connect a container to a network', { aliases: ['net'], takes: 'network' }),
  'network-alias': list('Add network-scoped alias for the container', { aliases: ['net-alias'] }),
  publish: list("Publish a container's port(s) to the host", { short: 'p' }),
  'publish-all': toggle('Publish all exposed ports to random ports', { short: 'P' }),
  'publish-service': list('Publish this container as a service', { takes: 'new-service' }),
  standby: toggle('Wait while another container has the service of --publish-service, and take it over then'),
  restart: text('Restart policy to apply when a container exits', { initial: 'no', takes: restartPolicies }),
  'stop-signal': text('Signal to stop the container', { takes: signals }),
  'stop-timeout': number('Timeout (in seconds) to stop a container'),
  rm: toggle('Automatically remove the container when it exits'),
  tty: toggle('Allocate a pseudo-TTY', { short: 't' }),
  user: text('Username or UID (format: <name|uid>[:<group|gid>])', { short: 'u' }),
  workdir: text('Working directory inside the container', { short: 'w' }),
  // An image is only a name here, so what chooses, checks or fetches one has nothing to do.
  'disable-content-trust': toggle('Skip image verification (default true)', { initial: true }),
  platform: text('Set platform if server is multi-platform capable'),
  pull: text('Pull image before running ("always", "missing", "never")', {
    initial: 'missing',
    takes: ['always', 'missing', 'never'],
  }),
  quiet: toggle('Suppress the pull output', { short: 'q' }),
  'use-api-socket': toggle('Bind mount Docker API socket and required auth'),
};

export type CreateValues = FlagValues<typeof createFlags>;
