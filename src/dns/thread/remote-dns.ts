import type { Logger, LogLevel } from '../../lib/log.ts';
import type { Dns, DnsOptions } from '../dns.ts';

/** `Dns`, asked from where an answer takes a moment: another thread. */
export type RemoteDns = {
  readonly [Method in Exclude<keyof Dns, 'start'>]: (
    ...args: Parameters<Dns[Method]>
  ) => Promise<Awaited<ReturnType<Dns[Method]>>>;
};

export interface DnsThreadParts {
  readonly options: DnsOptions;
  readonly log: Logger;
  readonly logLevel: LogLevel;
  /** Takes the thread's lines of the log. */
  readonly sink: { write(line: string): void };
}
