import { connector } from '../fairlead.ts';
import { namesInTime } from '../names.ts';
import type { Shell } from '../shell.ts';
import type { Names } from './values.ts';

/** Names of the daemon at this host; of the usual one where it is empty. */
export function namesAt(host: string, shell: Shell): Names {
  const connect = connector(host, shell);
  return (kind) => namesInTime(kind, connect);
}
