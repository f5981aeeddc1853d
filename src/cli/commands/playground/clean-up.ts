import { once } from 'node:events';
import { type ChildProcess, startChild } from '../../../lib/child.ts';

/**
 * Waits for the end of its stdin, that is of the playground, and takes everything away: $1 is what the names of its
 * namespaces begin with, $2 its folder. Sandboxes of a daemon are namespaces whose names begin with the daemon's tag, the
 * first four digits of its node's id (src/dataplane/names.ts). Twice, since a dying daemon may have had a child.
 */
const script = `
read -r _
tags=$(for id in "$2"/h*/node-id; do [ -f "$id" ] && cut -c1-4 "$id"; done)
names=$(ls /run/netns | while read -r name; do
  case $name in "$1"-*) echo "$name" ;; esac
  for tag in $tags; do case $name in "fl$tag"-*) echo "$name" ;; esac; done
done)
for round in 1 2; do
  for name in $names; do ip netns pids "$name" | while read -r pid; do kill -9 "$pid" 2>/dev/null; done; done
done
for name in $names; do ip netns del "$name"; done
rm -rf "$2"
`;

/**
 * Takes the playground away when this process ends, however it ends. It is a process in a session of its own, so that
 * Ctrl-C does not reach it.
 */
export class CleanUp {
  readonly #process: ChildProcess;

  /** `name`: what all namespaces' names begin with. `folder`: goes as well. */
  constructor(name: string, folder: string) {
    const argv = ['sh', '-c', script, 'playground', name, folder] as const;
    this.#process = startChild(argv, { stdio: ['pipe', 'ignore', 'ignore'], detached: true });
    this.#process.unref();
    this.#process.stdin?.on('error', () => {});
  }

  /** After: everything is gone. */
  async now(): Promise<void> {
    this.#process.ref();
    const gone = once(this.#process, 'exit');
    this.#process.stdin?.end();
    await gone;
  }
}
