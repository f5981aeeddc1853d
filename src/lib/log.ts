import { type Logger, pino } from 'pino';

export type { Logger };

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** `auto`: text for a terminal, JSON for everything else. */
export const logFormats = ['auto', 'text', 'json'] as const;
export type LogFormat = (typeof logFormats)[number];

/** JSON lines; the sink may make text of them. */
export function createLogger(level: LogLevel, sink: { write(line: string): void }): Logger {
  return pino({ level, base: null }, sink);
}

/** For tests and tools that do not log. */
export const silentLogger: Logger = pino({ level: 'silent' });
