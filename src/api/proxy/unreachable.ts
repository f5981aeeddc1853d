import { engineSocketProblem } from '../../lib/engine-socket.ts';
import { messageOf } from '../../lib/errors.ts';

/** One line: which Engine, and why it did not answer. */
export function engineUnreachable(socketPath: string, error: unknown): string {
  return `cannot connect to the Docker Engine at unix://${socketPath}: ${engineSocketProblem(error) ?? messageOf(error)}`;
}
