import type { Directory } from '../cluster/directory.ts';
import type { RunningModel } from '../network/create-model.ts';
import type { Model } from '../network/model.ts';

export interface AppDeps {
  readonly directory: Directory;
  readonly model: Pick<Model, 'containers' | 'networks' | 'clock'>;
  /** Replaces a container's aliases on the networks that `on` selects, in place. */
  readonly setAliases: RunningModel['setAliases'];
  /** The TCP ports that are listened on where this process runs. */
  readonly listeningPorts: (pid: number) => Promise<ReadonlySet<number>>;
  /** How long a program may take to listen on its ports, in milliseconds. */
  readonly patienceMs: number;
  /** From the old containers' leaving DNS until they are stopped: as long as an answer may be remembered. */
  readonly retireMs: number;
}

/** What a command did, line by line, in Dokku's levels. */
export interface Step {
  readonly level: 'step' | 'verbose' | 'warn';
  readonly text: string;
}

export type Tell = (level: Step['level'], text: string) => void;
