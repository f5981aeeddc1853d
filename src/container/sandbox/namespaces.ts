import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { FairleadError } from '../../lib/errors.ts';
import { childrenOf, readProc } from '../shim/process-tree.ts';
import { type ContainerPaths, writeMounts } from './directory.ts';
import { type ProcessIdentity, writeIdentityScript } from './process-identity.ts';
import { findTool } from './programs.ts';

/**
 * The container's own mount, UTS and pid namespaces around a given network namespace. The processes are
 *   unshare (the host's pid namespace, its identity in the file `process`)
 *     sh    (PID 1: sets up, then waits; collects orphans; everything dies with it)
 *       the shim, or for a container without a command a `sleep`
 * `ip netns exec` is not used: it mounts /sys anew and hides the cgroups. `unshare` makes the new mounts
 * private, so the binds are not seen on the host; --kill-child ties PID 1 to its parent.
 */
export interface NamespaceSpec {
  readonly paths: ContainerPaths;
  /** A file to enter it by. */
  readonly networkNamespace: string;
  readonly hostname: string;
  readonly domainname: string;
  /** Run below PID 1; absolute path and arguments. */
  readonly command: readonly string[];
}

/**
 * $0 hostname, $1 domain name, $2 the table of mounts, then the command. One `mount` for all of them: each
 * costs 2 ms. The `exit` keeps sh from an exec.
 */
const setUpScript = `echo "$0" > /proc/sys/kernel/hostname || exit 125
[ -z "$1" ] || echo "$1" > /proc/sys/kernel/domainname
mount --all --fstab "$2" || exit 125
shift 2
"$@"
exit $?`;

/** Starts it detached, with pipes on stdin and stdout; both ends of the daemon may be closed at any time. */
export function enterNewNamespaces(spec: NamespaceSpec): ChildProcess {
  const { paths, hostname, domainname, command } = spec;
  const unshare = [tool('unshare'), '--mount', '--uts', '--pid', '--fork', '--kill-child', '--mount-proc'];
  const enter = [tool('nsenter'), `--net=${spec.networkNamespace}`];
  writeMounts(paths);
  const setUp = ['/bin/sh', '-c', setUpScript, hostname, domainname, paths.mounts, ...command];
  const errors = openSync(paths.errors, 'w', 0o600);
  try {
    return spawn(
      '/bin/sh',
      ['-c', `${writeIdentityScript}; exec "$@"`, 'sh', ...enter, ...unshare, ...setUp],
      {
        cwd: paths.root,
        detached: true,
        // NODE_EXTRA_CA_CERTS and the like would slow the shim's start.
        env: { PATH: process.env.PATH ?? '' },
        stdio: ['pipe', 'pipe', errors],
      },
    );
  } finally {
    closeSync(errors);
  }
}

/** The host's number of PID 1 in the namespaces; undefined when they are gone. */
export function initPid(outer: ProcessIdentity): number | undefined {
  return childrenOf(outer.pid)[0];
}

/** The host's number of a process that its namespaces know as `inner`. */
export function hostPid(outer: number, inner: number): number | undefined {
  for (const child of childrenOf(outer)) {
    const numbers = /^NSpid:\s+(.*)$/m.exec(readProc(child, 'status') ?? '')?.[1]?.split('\t') ?? [];
    if (numbers.length > 1 && Number(numbers.at(-1)) === inner) return child;
    const below = hostPid(child, inner);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** @throws internal when it is not installed */
export function tool(name: string): string {
  const path = findTool(name);
  if (!path) throw new FairleadError('internal', `the program ${name} (util-linux) is not installed`);
  return path;
}
