import { realpathSync } from 'node:fs';
import { callEngine } from '../../api/proxy/call.ts';
import { messageOf } from '../../lib/errors.ts';
import { parseHostAddress } from '../../lib/host-address.ts';
import { clientFor, type DaemonFlags } from '../client/endpoint.ts';
import { infoRecord } from '../commands/system/info-record.ts';
import { Failure } from '../failure.ts';
import type { Shell } from '../shell.ts';
import { CreateProxy, type Made } from './create-proxy.ts';
import { findReal, runReal } from './handover.ts';
import type { RunWords } from './run-words.ts';

export interface BesideCall {
  readonly words: RunWords;
  /** Fairlead's. */
  readonly daemon: DaemonFlags;
  /** The words before the command, for the real docker. */
  readonly globals: readonly string[];
}

/** Sockets of this host. */
interface Sockets {
  readonly engine: string;
  readonly fairlead: string;
}

/**
 * `run` and `create` where containers are an Engine's: its own docker does it, with every flag it has. A container
 * that publishes services and could not be started goes again, and so do the services that were published for it.
 * @returns the real docker's exit code; undefined where there is none, or no Engine of this host behind the daemon
 */
export async function runBeside(
  { words, daemon, globals }: BesideCall,
  shell: Shell,
): Promise<number | undefined> {
  const real = findReal('docker', shell.env.PATH ?? '', realpathSync(process.argv[1] ?? ''));
  const sockets = real && (await socketsOf(daemon, shell));
  if (!real || !sockets) return undefined;
  const { services, standby, rest } = words;
  await using proxy = await CreateProxy.start({ ...sockets, services, standby });
  const env = { ...withoutDockerHost(shell.env), DOCKER_HOST: proxy.host };
  const code = await runReal(real, [...withoutHost(globals), ...rest], shell, env);
  const { made } = proxy;
  const runs = rest.slice(0, 2).some((word) => word.toLowerCase() === 'run');
  if (runs && made && !made.started && services.length > 0) await cleanUp(made, sockets, shell);
  return code;
}

/** A daemon that cannot be reached has none that we know of. */
async function socketsOf(daemon: DaemonFlags, shell: Shell): Promise<Sockets | undefined> {
  const client = clientFor(daemon, shell);
  const info = await client
    .ask((docker) => docker.info(), infoRecord)
    .catch((error: unknown) => {
      if (error instanceof Failure) return undefined;
      throw error;
    });
  const { address: fairlead } = (await client.open()).endpoint;
  const text = info?.Fairlead.engine;
  const engine = text === undefined ? undefined : parseHostAddress(text);
  if (engine?.kind !== 'unix' || fairlead.kind !== 'unix') return undefined;
  return { engine: engine.path, fairlead: fairlead.path };
}

/** What is there no more is as good as removed. */
async function cleanUp(made: Made, { engine, fairlead }: Sockets, shell: Shell): Promise<void> {
  const remove = async (socket: string, path: string) => {
    const { status, body } = await callEngine(socket, 'DELETE', path);
    if (status >= 400 && status !== 404 && status !== 409) throw new Error(body.toString().trim());
  };
  const steps = [
    () => remove(engine, `/containers/${made.id}?force=1&v=1`),
    ...made.published.map((id) => () => remove(fairlead, `/v1.23/services/${id}?force=1`)),
  ];
  for (const step of steps) {
    try {
      await step();
    } catch (error) {
      shell.stderr.write(`${shell.program}: cleaning up: ${messageOf(error)}\n`);
    }
  }
}

/** Global flags that say which Engine; that is the one beside our daemon. */
const hostFlags = /^(-H|--host|-c|--context|--tls|--tlsverify|--tlscacert|--tlscert|--tlskey)(=|$)/;
const hostSwitches = new Set(['--tls', '--tlsverify']);

function withoutHost(globals: readonly string[]): readonly string[] {
  const kept: string[] = [];
  for (let i = 0; i < globals.length; i += 1) {
    const word = globals[i] ?? '';
    if (!hostFlags.test(word) && !/^-H./.test(word)) kept.push(word);
    else if (!word.includes('=') && !hostSwitches.has(word) && !/^-H./.test(word)) i += 1;
  }
  return kept;
}

function withoutDockerHost(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const { DOCKER_HOST: _, DOCKER_CONTEXT: __, DOCKER_TLS: ___, DOCKER_TLS_VERIFY: ____, ...rest } = env;
  return rest;
}
