import { readFileSync } from 'node:fs';
import { extraHostText, parseExtraHost } from '../../../../container/extra-host.ts';
import { messageOf } from '../../../../lib/errors.ts';
import { Failure, UsageError } from '../../../failure.ts';
import { keyValues } from '../../../flags/values.ts';
import type { CreateValues } from './flags.ts';
import { anonymousVolumes, isolationBody } from './isolation-body.ts';
import { networksOf } from './networks.ts';
import { portsOf } from './ports.ts';
import { resourceBody } from './resources/body.ts';
import { healthBody } from './resources/health-flags.ts';

/** What a `run` is attached to. */
export interface AttachedStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

export const detached: AttachedStreams = { stdin: false, stdout: false, stderr: false };

/** Those of `--attach`; without any, its output, and its input with `--interactive`. @throws UsageError */
export function attachedStreams({ attach, interactive }: CreateValues): AttachedStreams {
  const names = attach.map((name) => name.toLowerCase());
  const unknown = names.findIndex((name) => !['stdin', 'stdout', 'stderr'].includes(name));
  if (unknown >= 0) {
    const why = 'valid streams are STDIN, STDOUT and STDERR';
    throw new UsageError(`invalid argument "${attach[unknown]}" for "-a, --attach" flag: ${why}`);
  }
  const has = (name: string) => names.length === 0 || names.includes(name);
  return { stdin: interactive || names.includes('stdin'), stdout: has('stdout'), stderr: has('stderr') };
}

function requireKnownPull(pull: string): void {
  if (['always', 'missing', 'never', ''].includes(pull)) return;
  throw new Failure(`invalid pull option: '${pull}': must be one of "always", "missing" or "never"`, 125);
}

/** The body of `POST /containers/create`. @throws Failure | UsageError for what only the CLI can check */
export function createBody(
  flags: CreateValues,
  [image = '', ...command]: readonly string[],
  attached: AttachedStreams,
  env: NodeJS.ProcessEnv,
  given: ReadonlySet<string>,
): Record<string, unknown> {
  requireKnownPull(flags.pull);
  if (flags['use-api-socket'])
    throw new Failure(
      "--use-api-socket is refused: mount the daemon's socket with -v where it is wanted",
      125,
    );
  const networks = networksOf(flags);
  const ports = portsOf(flags.publish, flags.expose);
  const [service, ...more] = flags['publish-service'];
  return {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: attached.stdin,
    AttachStdout: attached.stdout,
    AttachStderr: attached.stderr,
    ...(Object.keys(ports.exposed).length > 0 ? { ExposedPorts: ports.exposed } : {}),
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: flags.interactive && attached.stdin,
    Env: environment(flags, env),
    Cmd: command.length > 0 ? command : null,
    Image: image,
    WorkingDir: flags.workdir,
    Volumes: anonymousVolumes(flags.volume),
    Entrypoint: flags.entrypoint === '' ? null : [flags.entrypoint],
    Labels: keyValues('label', [...flags['label-file'].flatMap(readLines), ...flags.label]),
    ...healthBody(flags),
    ...(flags['stop-signal'] === '' ? {} : { StopSignal: flags['stop-signal'] }),
    ...(given.has('stop-timeout') ? { StopTimeout: flags['stop-timeout'] } : {}),
    ...(service === undefined
      ? {}
      : { PublishService: more.length === 0 ? service : flags['publish-service'] }),
    ...(flags.standby ? { Standby: true } : {}),
    HostConfig: {
      NetworkMode: networks.mode,
      PortBindings: ports.bindings,
      PublishAllPorts: flags['publish-all'],
      RestartPolicy: restartPolicy(flags.restart),
      AutoRemove: flags.rm,
      Dns: flags.dns,
      DnsOptions: flags['dns-option'],
      DnsSearch: flags['dns-search'],
      ExtraHosts: flags['add-host'].map(extraHost),
      // Those of a network that somebody made are its endpoint's.
      Links: networks.links.length > 0 ? [] : flags.link,
      ContainerIDFile: flags.cidfile,
      ...isolationBody(flags),
      ...resourceBody(flags, given),
    },
    NetworkingConfig: { EndpointsConfig: networks.endpoints },
  };
}

/** As the API takes it. */
function extraHost(text: string): string {
  try {
    return extraHostText(parseExtraHost(text));
  } catch (error) {
    throw new UsageError(`invalid argument "${text}" for "--add-host" flag: ${messageOf(error)}`);
  }
}

/** Files first, so that a flag wins; `-e NAME` without a value takes it from our environment. */
function environment(flags: CreateValues, env: NodeJS.ProcessEnv): readonly string[] {
  const lines = [...flags['env-file'].flatMap(readLines), ...flags.env];
  return lines.flatMap((line) => {
    if (line.includes('=')) return [line];
    const value = env[line];
    return value === undefined ? [] : [`${line}=${value}`];
  });
}

function readLines(path: string): readonly string[] {
  try {
    const lines = readFileSync(path, 'utf8').split(/\r?\n/);
    return lines.map((line) => line.trimStart()).filter((line) => line !== '' && !line.startsWith('#'));
  } catch (error) {
    throw new Failure(messageOf(error), 125);
  }
}

function restartPolicy(text: string): { readonly Name: string; readonly MaximumRetryCount: number } {
  const [name = '', count = '0'] = text.split(':');
  if (!/^\d+$/.test(count))
    throw new Failure('invalid restart policy format: maximum retry count must be an integer', 125);
  return { Name: name, MaximumRetryCount: Number(count) };
}
