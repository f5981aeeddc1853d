import { list, number, text, toggle } from '../cli/flags/spec.ts';
import { free, type Takes } from '../cli/flags/takes.ts';
import { logFormats, logLevels } from '../lib/log.ts';

/** docs/kv-stores.md. */
const storeOptions: Takes = {
  cacertfile: 'file',
  certfile: 'file',
  keyfile: 'file',
  namespace: free,
  password: free,
  passwordfile: 'file',
  token: free,
  tokenfile: 'file',
  user: free,
};

/** The flags of `fairlead daemon`, `docker -d` and `docker daemon`; the config file has the same keys. */
export const daemonFlags = {
  host: list('Socket to listen on: unix:///PATH or tcp://HOST:PORT', {
    short: 'H',
    takes: ['tcp://', 'unix:///'],
  }),
  'api-name': list('Name that clients of tcp:// may call this daemon by, beside its address'),
  'data-root': text('Root directory of persistent state', { takes: 'directory' }),
  'config-file': text('JSON file with the same keys as these flags', { takes: 'file' }),
  validate: toggle('Check the flags and the config file, report problems, and exit'),
  'default-network': text('Set default network', { shown: 'bridge:bridge', takes: ['bridge:', 'overlay:'] }),
  'kv-store': text('Set KV Store configuration', { takes: ['consul:', 'etcd:', 'zookeeper:'] }),
  'kv-store-opt': list('Set KV Store options (TLS, token, user)', { map: true, takes: storeOptions }),
  dataplane: text('How packets move: auto, linux or simulated', {
    shown: 'auto',
    takes: ['auto', 'linux', 'simulated'],
  }),
  engine: text('Docker Engine to work beside: auto, none or unix:///PATH', {
    shown: 'auto',
    takes: ['auto', 'none', 'unix:///'],
  }),
  'plugin-socket': text('Plugin socket of this daemon for that Engine, or none', {
    shown: '/run/docker/plugins/fairlead.sock',
    takes: 'file',
  }),
  'plugin-dir': text("Directory to look for plugins in, instead of Docker's", { takes: 'directory' }),
  'node-name': text('Name of this node in the cluster (default: the host name)'),
  advertise: text('Address or interface that other nodes reach this one at'),
  'vxlan-port': number('UDP port of overlay networks, the same on every node', { shown: '4789' }),
  'default-address-pool': list('Pool for networks without a subnet: base=CIDR,size=BITS'),
  'dns-listen': text('Address of the DNS listener for this host, or none', { shown: '127.0.0.1:5354' }),
  dns: list('Upstream DNS servers (default: those of the host)'),
  'dns-ttl': number('Seconds that DNS answers may be kept', { shown: '5' }),
  'dns-max-inflight': number('Forwarded DNS queries at once', { shown: '1024' }),
  'dns-forward-single-label': toggle('Forward unknown names without a dot'),
  'lease-ttl': text("Time after which a silent node's endpoints leave", { shown: '15s' }),
  'tunnel-key-lifetime': text('Time after which keys of encrypted networks are replaced', { shown: '60m' }),
  tls: toggle('Use TLS; implied by --tlsverify'),
  tlsverify: toggle('Serve tcp:// with TLS and ask clients for certificates'),
  tlscacert: text('Trust clients whose certificate this CA signed', { takes: 'file' }),
  tlscert: text('Certificate of this daemon', { takes: 'file' }),
  tlskey: text('Key of that certificate', { takes: 'file' }),
  restore: toggle('If the database is damaged, continue from its kept copy'),
  ephemeral: toggle('Remove every container and network device when the daemon ends'),
  'log-level': text(`How much to log: ${logLevels.join(', ')}`, {
    shown: 'info',
    short: 'l',
    takes: logLevels,
  }),
  'log-format': text('How to write the log: text, json, or auto: text on a terminal', {
    shown: 'auto',
    takes: logFormats,
  }),
  debug: toggle('Log at level debug', { short: 'D' }),
};
