import { readFileSync } from 'node:fs';
import { defaultCapabilities } from '../../../container/isolation.ts';
import { FairleadError } from '../../../lib/errors.ts';

/** capabilities(7), without `CAP_`, in the order of their numbers. */
const known = new Set([
  ...['CHOWN', 'DAC_OVERRIDE', 'DAC_READ_SEARCH', 'FOWNER', 'FSETID', 'KILL', 'SETGID', 'SETUID', 'SETPCAP'],
  ...[
    'LINUX_IMMUTABLE',
    'NET_BIND_SERVICE',
    'NET_BROADCAST',
    'NET_ADMIN',
    'NET_RAW',
    'IPC_LOCK',
    'IPC_OWNER',
  ],
  ...[
    'SYS_MODULE',
    'SYS_RAWIO',
    'SYS_CHROOT',
    'SYS_PTRACE',
    'SYS_PACCT',
    'SYS_ADMIN',
    'SYS_BOOT',
    'SYS_NICE',
  ],
  ...[
    'SYS_RESOURCE',
    'SYS_TIME',
    'SYS_TTY_CONFIG',
    'MKNOD',
    'LEASE',
    'AUDIT_WRITE',
    'AUDIT_CONTROL',
    'SETFCAP',
  ],
  ...['MAC_OVERRIDE', 'MAC_ADMIN', 'SYSLOG', 'WAKE_ALARM', 'BLOCK_SUSPEND', 'AUDIT_READ', 'PERFMON', 'BPF'],
  'CHECKPOINT_RESTORE',
]);

/**
 * As the Engine's, in the order in which it decides: `--privileged` has all, whatever the other flags; `ALL` in either
 * list is the rest of the other's.
 * @returns undefined for all of them
 * @throws invalid, in the Engine's words
 */
export function parseCapabilities(
  add: readonly string[],
  drop: readonly string[],
  privileged: boolean,
): readonly string[] | undefined {
  const [added, dropped] = [parseList('CapAdd', add), parseList('CapDrop', drop)];
  if (privileged) return undefined;
  const all = added.includes('all') ? [...known].map((name) => name.toLowerCase()) : undefined;
  if (all && dropped.length === 0) return undefined;
  const base = all ?? (dropped.includes('all') ? [] : defaultCapabilities);
  const kept = new Set(base.filter((name) => !dropped.includes(name)));
  for (const name of added) if (name !== 'all') kept.add(name);
  return [...kept];
}

/**
 * What somebody asks for by name and cannot get, since the daemon does not have it itself, as where its unit has a
 * CapabilityBoundingSet=. `bounding`: the daemon's, `CapBnd` of proc_pid_status(5).
 */
export function capabilityWarnings(add: readonly string[], bounding: bigint): readonly string[] {
  const names = [...known];
  const has = (name: string) => (bounding & (1n << BigInt(names.indexOf(name.toUpperCase())))) !== 0n;
  const missing = parseList('CapAdd', add).filter((name) => name !== 'all' && !has(name));
  if (missing.length === 0) return [];
  const list = missing.map((name) => name.toUpperCase()).join(', ');
  return [`CapAdd: the daemon itself does not have ${list}: discarded.`];
}

/** This process's capabilities; all of them where there is no /proc. */
export function ownBoundingSet(): bigint {
  try {
    const [, mask = ''] = /^CapBnd:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
    return BigInt(`0x${mask}`);
  } catch {
    return -1n;
  }
}

/** `NET_ADMIN`, `cap_net_admin` → `net_admin`; `ALL` → `all`. */
function parseList(member: string, texts: readonly string[]): readonly string[] {
  return texts.map((text) => {
    const name = text.toUpperCase().replace(/^CAP_/, '');
    if (name === 'ALL' || known.has(name)) return name.toLowerCase();
    throw new FairleadError('invalid', `invalid ${member}: unknown capability: "CAP_${name}"`);
  });
}
