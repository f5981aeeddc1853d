import type { Directory } from '../cluster/directory.ts';
import type { RunningModel } from '../network/create-model.ts';
import { Apps } from './apps.ts';
import { listeningPorts } from './deploy/listening.ts';

/** Dokku's default: so long a container is watched that has no check of its own. */
const patienceMs = 10_000;
/** For clients that resolved the name just before it changed, and for requests in flight. */
const graceMs = 1000;

export interface AppOptions {
  readonly directory: Directory;
  readonly model: RunningModel;
  /** How long an answer of our DNS may be remembered. */
  readonly dnsTtlSeconds: number;
}

export function createApps({ directory, model, dnsTtlSeconds }: AppOptions): Apps {
  // Where no packet moves nobody needs time to turn elsewhere.
  const packets = model.containers.runtime.kind !== 'simulated';
  const retireMs = packets ? dnsTtlSeconds * 1000 + graceMs : 0;
  const { setAliases } = model;
  return new Apps({ directory, model, setAliases, listeningPorts, patienceMs, retireMs });
}
