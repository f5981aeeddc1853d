import { access, constants } from 'node:fs/promises';
import type { Negotiated } from '../container/engine/connection.ts';
import { probeLinux } from '../dataplane/linux/available.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import type { DaemonConfig } from './config.ts';

export type Mode = ({ readonly kind: 'sandbox' } | { readonly kind: 'simulated' } | EngineMode) & {
  /** For people: why this mode and not another. */
  readonly why: string;
};

export interface EngineMode {
  readonly kind: 'engine';
  readonly socketPath: string;
}

/** Where a Docker Engine listens unless it is told otherwise. */
const usualSocket = '/var/run/docker.sock';

/**
 * The richest mode that works here, or the one that was asked for. `hasContainers`: whether containers of the sandbox
 * mode are in the data root; they would be lost from sight beside an Engine.
 * @throws invalid when what was asked for cannot work
 */
export async function chooseMode(config: DaemonConfig, hasContainers = false): Promise<Mode> {
  const { dataplane, engine } = config;
  if (engine.kind === 'socket') return await askedEngine(config, engine.path);
  if (dataplane === 'simulated') return { kind: 'simulated', why: 'asked for with --dataplane simulated' };
  const linux = await probeLinux();
  if (!linux.ok) {
    if (dataplane === 'linux') throw new FairleadError('invalid', `--dataplane linux: ${linux.reason}`);
    return { kind: 'simulated', why: `no packets will move: ${linux.reason}` };
  }
  const found = engine.kind === 'auto' ? await findEngine() : 'told not to use a Docker Engine';
  if (typeof found !== 'string') {
    if (!hasContainers) return found;
    return {
      kind: 'sandbox',
      why: `${found.why}, but the data root has containers of this mode; see --engine`,
    };
  }
  const why =
    dataplane === 'linux' ? 'asked for with --dataplane linux' : 'root, iproute2 and nftables are here';
  return { kind: 'sandbox', why: found === '' ? why : `${why}; ${found}` };
}

async function askedEngine({ dataplane }: DaemonConfig, socketPath: string): Promise<Mode> {
  if (dataplane === 'simulated') {
    throw new FairleadError(
      'invalid',
      '--engine unix://… needs packets that move: leave --dataplane simulated out',
    );
  }
  const linux = await probeLinux();
  if (!linux.ok) throw new FairleadError('invalid', `--engine: ${linux.reason}`);
  const found = await negotiate(socketPath, 'briefly').then(
    ({ version, apiVersion }) => `Docker Engine ${version}, API ${apiVersion}`,
    // At boot we come first, and wait for it. Whatever is wrong with it, networks and names of ours go on.
    (error: unknown) => messageOf(error),
  );
  return { kind: 'engine', socketPath, why: `asked for with --engine; ${found}` };
}

/** @returns why there is none to work beside; empty where nobody would expect one */
async function findEngine(): Promise<Mode | string> {
  const there = await access(usualSocket, constants.F_OK).then(
    () => true,
    () => false,
  );
  if (!there) return '';
  try {
    const { version, apiVersion } = await negotiate(usualSocket);
    const why = `Docker Engine ${version}, API ${apiVersion}, is at unix://${usualSocket}`;
    return { kind: 'engine', socketPath: usualSocket, why };
  } catch (error) {
    return messageOf(error);
  }
}

/** Where there is no Engine, its client is not loaded: it is a tenth of all that a start loads. */
async function negotiate(socketPath: string, patience?: 'briefly'): Promise<Negotiated> {
  const { EngineConnection, startMs } = await import('../container/engine/connection.ts');
  return await new EngineConnection(socketPath).negotiate(patience && startMs);
}
