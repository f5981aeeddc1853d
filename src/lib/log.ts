import { type Logger, pino } from 'pino';
import type { LogSink } from './log-sink.ts';

export type { Logger };

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** JSON lines. */
export function createLogger(level: LogLevel, sink: LogSink): Logger {
  return pino({ level, base: null }, sink);
}

/** For tests and tools that do not log. */
export const silentLogger: Logger = pino({ level: 'silent' });
