import { homedir, hostname } from 'node:os';
import * as z from 'zod';
import { defaultVxlanPort, encryptedPort } from '../../drivers/overlay/device.ts';
import { defaultDataRoot } from '../lib/data-root.ts';
import { FairleadError } from '../lib/errors.ts';
import { defaultHostAddress } from '../lib/host-address.ts';
import { logFormats, logLevels } from '../lib/log.ts';
import * as grammar from './grammars.ts';

const count = (least: number, most: number) => {
  const error = `expected a whole number from ${least} to ${most}`;
  return z.coerce.number(error).int(error).min(least, error).max(most, error);
};
const path = z.string().startsWith('/', 'expected an absolute path');

/** The settings as they are typed (flags) or written (config file), every one optional. */
const settings = z.strictObject({
  host: z.array(grammar.hostAddress).min(1).optional(),
  /** What dockerd's file calls it. */
  hosts: z.array(grammar.hostAddress).min(1).optional(),
  'api-name': z.array(grammar.hostName).optional(),
  'data-root': path.optional(),
  'default-network': grammar.defaultNetwork.optional(),
  'kv-store': grammar.kvStore.optional(),
  'kv-store-opt': z.array(grammar.keyValue).optional(),
  dataplane: z.enum(['auto', 'linux', 'simulated'], 'expected auto, linux or simulated').optional(),
  engine: grammar.engine.optional(),
  'plugin-socket': grammar.pluginSocket.optional(),
  'plugin-dir': path.optional(),
  'node-name': z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/, 'expected letters, digits, "_", "-" and ".", 63 at most')
    .optional(),
  advertise: grammar.advertise.optional(),
  'vxlan-port': count(1, 65_535)
    .refine((port) => port !== encryptedPort, `${encryptedPort} is the port of encrypted networks`)
    .optional(),
  'default-address-pool': z.array(grammar.addressPool).optional(),
  'dns-listen': grammar.dnsListen.optional(),
  dns: z.array(grammar.dnsServer).optional(),
  'dns-ttl': count(0, 86_400).optional(),
  'dns-max-inflight': count(1, 65_536).optional(),
  'dns-forward-single-label': z.boolean().optional(),
  'lease-ttl': grammar.duration.optional(),
  'tunnel-key-lifetime': grammar.duration.optional(),
  tls: z.boolean().optional(),
  tlsverify: z.boolean().optional(),
  tlscacert: path.optional(),
  tlscert: path.optional(),
  tlskey: path.optional(),
  ephemeral: z.boolean().optional(),
  restore: z.boolean().optional(),
  'log-level': z.enum(logLevels, `expected ${logLevels.join(', ')}`).optional(),
  'log-format': z.enum(logFormats, `expected ${logFormats.join(', ')}`).optional(),
  debug: z.boolean().optional(),
});

type Settings = z.infer<typeof settings>;

/** What `runDaemon` starts from: every value parsed, every default filled in. */
export type DaemonConfig = Readonly<ReturnType<typeof withDefaults>>;

type Values = Readonly<Record<string, unknown>>;

/** One thing that is wrong with a configuration. */
export interface Problem {
  /** One line naming the setting and what was expected. */
  readonly text: string;
  /** A key that is none of those that there are. */
  readonly unknown?: { readonly word: string; readonly known: readonly string[] };
}

/** The configuration, or all that is wrong with it. */
export type Checked =
  | { readonly config: DaemonConfig; readonly problems: readonly [] }
  | { readonly config?: undefined; readonly problems: readonly [Problem, ...Problem[]] };

/** Makes the configuration from the values of the flags and of the config file; a flag goes before the file. */
export function checkConfig(flags: Values, file: Values = {}, host: HostFacts = factsOfThisHost()): Checked {
  if ('host' in file && 'hosts' in file)
    return { problems: [{ text: 'config file: "host" and "hosts" are one setting: expected one of them' }] };
  const fromFile = parseSettings(file, (name) => `config file: invalid value for "${name}"`);
  const fromFlags = parseSettings(flags, (name) => `invalid argument for "--${name}" flag`);
  const [first, ...more] = [...fromFile.problems, ...fromFlags.problems];
  if (first !== undefined) return { problems: [first, ...more] };
  try {
    return { config: withDefaults({ ...fromFile.settings, ...fromFlags.settings }, host), problems: [] };
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    return { problems: [{ text: error.message }] };
  }
}

/** The same for who needs a configuration. @throws invalid, the first thing that is wrong */
export function parseConfig(flags: Values, file?: Values, host?: HostFacts): DaemonConfig {
  const { config, problems } = checkConfig(flags, file, host);
  if (config === undefined) throw new FairleadError('invalid', problems[0].text);
  return config;
}

function parseSettings(
  values: Values,
  clause: (name: string) => string,
): { readonly settings: Settings; readonly problems: readonly Problem[] } {
  const result = settings.safeParse(values);
  if (result.success) return { settings: result.data, problems: [] };
  return {
    settings: {},
    problems: result.error.issues.flatMap((issue) => problemsIn(issue, values, clause)),
  };
}

function problemsIn(
  issue: z.core.$ZodIssue,
  values: Values,
  clause: (name: string) => string,
): readonly Problem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(settings.shape);
    return issue.keys.map((word) => ({
      text: `config file: unknown key "${word}"`,
      unknown: { word, known },
    }));
  }
  const [name = '', ...rest] = issue.path.map(String);
  const value = rest.reduce<unknown>(
    (all, key) => (Array.isArray(all) ? all[Number(key)] : all),
    values[name],
  );
  // A store's URL and options may hold a secret, which must not come back in a message.
  const shown = name.startsWith('kv-store') ? '' : `${JSON.stringify(value)}: `;
  return [{ text: `${clause(name)}: ${shown}${issue.message}` }];
}

/** What the defaults depend on. */
export interface HostFacts {
  readonly env: NodeJS.ProcessEnv;
  readonly uid: number | undefined;
  readonly home: string;
  readonly hostname: string;
}

function factsOfThisHost(): HostFacts {
  return { env: process.env, uid: process.getuid?.(), home: homedir(), hostname: hostname() };
}

function withDefaults(given: Settings, host: HostFacts) {
  return {
    hosts: given.host ?? given.hosts ?? [defaultHostAddress(host.env, host.uid)],
    /** Names that tcp listeners are asked for by, beside their addresses. */
    apiNames: given['api-name'] ?? [],
    dataRoot: given['data-root'] ?? defaultDataRoot(host),
    defaultNetwork: given['default-network'] ?? { driver: 'bridge', name: 'bridge' },
    /** Absent: global objects live in the embedded store too. */
    kvStore: given['kv-store'],
    kvStoreOptions: Object.fromEntries(given['kv-store-opt'] ?? []),
    dataplane: given.dataplane ?? 'auto',
    engine: given.engine ?? { kind: 'auto' as const },
    /** Where an Engine finds us as its plugin. */
    pluginSocket: given['plugin-socket'] ?? { kind: 'socket' as const, ...defaultPluginSocket },
    /** Absent: Docker's directories. */
    pluginDirectory: given['plugin-dir'],
    nodeName: given['node-name'] ?? host.hostname,
    /** Address or interface name. */
    advertise: given.advertise,
    vxlanPort: given['vxlan-port'] ?? defaultVxlanPort,
    /** Empty: the built-in ones. */
    defaultAddressPools: given['default-address-pool'] ?? [],
    dns: dnsConfig(given),
    leaseTtlSeconds: given['lease-ttl'] ?? 15,
    tunnelKeyLifetimeSeconds: given['tunnel-key-lifetime'] ?? 3600,
    tls: tlsConfig(given, host),
    /** Nothing of it is left in the kernel when it ends. */
    ephemeral: given.ephemeral ?? false,
    /** Where the database is damaged, the start goes on with the copy kept of it. */
    restore: given.restore ?? false,
    logLevel: given['log-level'] ?? (given.debug ? 'debug' : 'info'),
    logFormat: given['log-format'] ?? 'auto',
  };
}

const defaultPluginSocket = { path: '/run/docker/plugins/fairlead.sock', name: 'fairlead' } as const;

function dnsConfig(given: Settings) {
  const listen = 'dns-listen' in given ? given['dns-listen'] : { address: '127.0.0.1', port: 5354 };
  return {
    /** Absent: no listener for the host (`--dns-listen none`). */
    listen,
    /** Empty: the host's own resolvers. */
    servers: given.dns ?? [],
    ttlSeconds: given['dns-ttl'] ?? 5,
    maxInflight: given['dns-max-inflight'] ?? 1024,
    forwardSingleLabel: given['dns-forward-single-label'] ?? false,
  };
}

/**
 * Paths of PEM files; client certificates are asked for, so the CA is needed as well. `--tlsverify` alone
 * takes the files where dockerd looks for them: $DOCKER_CERT_PATH, else ~/.docker. dockerd's `--tls` alone asks clients
 * for nothing.
 */
function tlsConfig(
  given: Settings,
  { env, home }: HostFacts,
): { readonly ca: string; readonly cert: string; readonly key: string } | undefined {
  const folder = given.tlsverify ? (env.DOCKER_CERT_PATH ?? `${home}/.docker`) : undefined;
  const ca = given.tlscacert ?? (folder && `${folder}/ca.pem`);
  const cert = given.tlscert ?? (folder && `${folder}/cert.pem`);
  const key = given.tlskey ?? (folder && `${folder}/key.pem`);
  const off = given.tlsverify === false || (given.tls === false && !given.tlsverify);
  if (!off && given.tls && !ca && !cert && !key)
    throw new FairleadError(
      'invalid',
      '--tls alone would let every client in: use --tlsverify, which asks for certificates',
    );
  if (off || (!ca && !cert && !key)) return undefined;
  if (ca && cert && key) return { ca, cert, key };
  throw new FairleadError('invalid', 'TLS needs --tlscacert, --tlscert and --tlskey together');
}
