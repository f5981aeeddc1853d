import { clientFor, type DaemonFlags } from '../client/endpoint.ts';
import { namesInTime } from '../names.ts';
import type { Shell } from '../shell.ts';
import type { Names } from './values.ts';

/** Names of the daemon that the command line is for. */
export function namesAt(daemon: DaemonFlags, shell: Shell): Names {
  const client = clientFor(daemon, shell);
  return (kind) => namesInTime(kind, client);
}
