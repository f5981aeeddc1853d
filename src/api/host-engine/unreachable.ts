import { messageOf } from '../../lib/errors.ts';

/** One line: which Engine, and why it did not answer. */
export function engineUnreachable(socketPath: string, error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return `cannot connect to the Docker Engine at unix://${socketPath}: ${reasons[code] ?? messageOf(error)}`;
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such socket; is the Engine running?',
  ECONNREFUSED: 'nobody listens there; is the Engine running?',
  EACCES: 'permission denied; run the daemon as root or as a member of the group that the socket belongs to',
  ENOTSOCK: 'it is not a socket',
};
