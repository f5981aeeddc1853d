import { probeLinux } from '../dataplane/linux/available.ts';
import { FairleadError } from '../lib/errors.ts';
import type { DaemonConfig } from './config.ts';

export interface Way {
  readonly way: 'sandbox' | 'simulated';
  /** For people: why this way and not another. */
  readonly why: string;
}

/** The richest way that works here, or the one that was asked for. @throws invalid when that cannot work */
export async function chooseWay({ dataplane, engine }: DaemonConfig): Promise<Way> {
  if (engine.kind === 'socket') {
    throw new FairleadError(
      'unsupported',
      '--engine unix://…: this version does not run beside an Engine; use --engine none',
    );
  }
  if (dataplane === 'simulated') return { way: 'simulated', why: 'asked for with --dataplane simulated' };
  const linux = await probeLinux();
  if (linux.ok) {
    const why =
      dataplane === 'linux' ? 'asked for with --dataplane linux' : 'root, iproute2 and nftables are here';
    return { way: 'sandbox', why };
  }
  if (dataplane === 'linux') throw new FairleadError('invalid', `--dataplane linux: ${linux.reason}`);
  return { way: 'simulated', why: `no packets will move: ${linux.reason}` };
}
