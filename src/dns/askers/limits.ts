import { readFileSync } from 'node:fs';
import type { Logger } from '../../lib/log.ts';
import type { ShareLimits } from './shares.ts';

export interface Limits {
  /** Forwarded queries under way; each has a socket. */
  readonly forwards: ShareLimits;
  readonly connections: ShareLimits;
}

const mostConnections = 1024;
/** Of all: more than Docker's resolver let a container have for years (100), and enough for 2,500 answers/s at 50 ms each. */
const askersPart = 8;
const connectionsPerAsker = 32;

/** Neither may take more than this part of the files that this process may have open: the rest of it needs some, too. */
const filesPart = 4;

/** Of `maxInflight` forwarded queries in all. */
export function limitsOf(maxInflight: number, log: Logger, openFiles = openFileLimit()): Limits {
  const part = Math.max(1, Math.floor(openFiles / filesPart));
  const total = Math.min(maxInflight, part);
  if (total < maxInflight) {
    log.warn(
      `dns: of ${maxInflight} forwarded queries at once (--dns-max-inflight) ${total} are used: ` +
        `this process may have ${openFiles} files open; raise the limit (LimitNOFILE=, ulimit -n)`,
    );
  }
  const connections = Math.min(mostConnections, part);
  return {
    forwards: { total, perAsker: Math.ceil(total / askersPart) },
    connections: { total: connections, perAsker: Math.min(connectionsPerAsker, connections) },
  };
}

/** The soft limit, which Node raises to the hard one as it starts. */
function openFileLimit(): number {
  try {
    const soft = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
    return soft === undefined ? Number.POSITIVE_INFINITY : Number(soft);
  } catch {
    // Not Linux.
    return Number.POSITIVE_INFINITY;
  }
}
