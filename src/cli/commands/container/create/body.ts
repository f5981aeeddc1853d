import { readFileSync } from 'node:fs';
import { messageOf } from '../../../../lib/errors.ts';
import { Failure } from '../../../failure.ts';
import type { FlagValues } from '../../../flags/spec.ts';
import { keyValues } from '../../../flags/values.ts';
import type { createFlags } from './flags.ts';
import { anonymousVolumes, isolationBody } from './isolation-body.ts';
import { networksOf } from './networks.ts';
import { portsOf } from './ports.ts';

export type CreateValues = FlagValues<typeof createFlags>;

/** The body of `POST /containers/create`. @throws Failure | UsageError for what only the CLI can check */
export function createBody(
  flags: CreateValues,
  [image = '', ...command]: readonly string[],
  attached: boolean,
  env: NodeJS.ProcessEnv,
  given: ReadonlySet<string>,
): Record<string, unknown> {
  const networks = networksOf(flags);
  const ports = portsOf(flags.publish, flags.expose);
  const stdin = attached && flags.interactive;
  const [service, ...more] = flags['publish-service'];
  return {
    Hostname: flags.hostname,
    Domainname: flags.domainname,
    User: flags.user,
    AttachStdin: stdin,
    AttachStdout: attached,
    AttachStderr: attached,
    ExposedPorts: ports.exposed,
    Tty: flags.tty,
    OpenStdin: flags.interactive,
    StdinOnce: stdin,
    Env: environment(flags, env),
    Cmd: command.length > 0 ? command : null,
    Image: image,
    WorkingDir: flags.workdir,
    Volumes: anonymousVolumes(flags.volume),
    Entrypoint: flags.entrypoint === '' ? null : [flags.entrypoint],
    Labels: keyValues('label', flags.label),
    ...(flags['stop-signal'] === '' ? {} : { StopSignal: flags['stop-signal'] }),
    ...(given.has('stop-timeout') ? { StopTimeout: flags['stop-timeout'] } : {}),
    ...(service === undefined
      ? {}
      : { PublishService: more.length === 0 ? service : flags['publish-service'] }),
    HostConfig: {
      NetworkMode: networks.mode,
      PortBindings: ports.bindings,
      PublishAllPorts: flags['publish-all'],
      RestartPolicy: restartPolicy(flags.restart),
      AutoRemove: flags.rm,
      Dns: flags.dns,
      DnsOptions: flags['dns-option'],
      DnsSearch: flags['dns-search'],
      ExtraHosts: flags['add-host'],
      // Those of a network that somebody made are its endpoint's.
      Links: networks.links.length > 0 ? [] : flags.link,
      ...isolationBody(flags),
    },
    NetworkingConfig: { EndpointsConfig: networks.endpoints },
  };
}

/** Files first, so that a flag wins; `-e NAME` without a value takes it from our environment. */
function environment(flags: CreateValues, env: NodeJS.ProcessEnv): readonly string[] {
  const lines = [...flags['env-file'].flatMap(readEnvFile), ...flags.env];
  return lines.flatMap((line) => {
    if (line.includes('=')) return [line];
    const value = env[line];
    return value === undefined ? [] : [`${line}=${value}`];
  });
}

function readEnvFile(path: string): readonly string[] {
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
