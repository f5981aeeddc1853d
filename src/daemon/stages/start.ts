import type { Logger } from '../../lib/log.ts';
import type { LogSink } from '../../lib/log-sink.ts';
import type { UndoStack } from '../../lib/undo.ts';
import type { DaemonConfig } from '../config.ts';
import type { Platform } from '../platform.ts';

/** What every stage of a start has. */
export interface Start {
  readonly config: DaemonConfig;
  readonly platform: Platform;
  readonly log: Logger;
  readonly sink: LogSink;
  /** Asked between steps: a step that has begun is ended first, so that all that it made is known. */
  readonly stop: AbortSignal;
  /** Whoever opens something pushes what closes it. */
  readonly opened: UndoStack;
}
