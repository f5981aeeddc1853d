import { existsSync, statSync } from 'node:fs';
import { FairleadError } from '../../../lib/errors.ts';
import type { Device, Isolation } from '../../isolation.ts';
import { bindLine, newLine, remountLine } from './fstab.ts';
import { type HostMount, isAtOrBelow, isKernels } from './host-mounts.ts';

/**
 * What is done in new namespaces before it is known whose they are, so that it is done in prewarmed ones ahead of time:
 * equal plans make equal namespaces.
 */
export interface NamespacePlan {
  /** Of unshare(1). */
  readonly namespaces: readonly string[];
  /** The host's /proc goes first, with what hangs below it, instead of being covered by the new one. */
  readonly dropsProc: boolean;
  /** Names in the new /dev that something is mounted on, a line each; empty: /dev stays the host's. */
  readonly devices: string;
  /** Mounts; see fstab.ts. A path below `stage` is one in the new /dev. */
  readonly fstab: string;
  /** Mounts of the host that get other flags: the flags and the place, a line each. */
  readonly remounts: string;
}

export interface PlanPlaces {
  /** Of the containers' directories. */
  readonly directory: string;
  /** A directory where /dev is made, since the host's is needed for that. */
  readonly stage: string;
}

/** @throws invalid for a device that is missing */
export function planNamespaces(
  isolation: Isolation,
  host: readonly HostMount[],
  { directory, stage }: PlanPlaces,
): NamespacePlan {
  const dropsProc = hasOwnLocks(isolation, host);
  const namespaces = [
    ...['--mount', '--pid', '--fork', '--kill-child'],
    ...(dropsProc ? [] : ['--mount-proc']),
    ...(isolation.uts === 'private' ? ['--uts'] : []),
    ...(isolation.ipc === 'host' ? [] : ['--ipc']),
    ...(isolation.cgroup === 'private' ? ['--cgroup'] : []),
  ];
  // A mount of its own stays writable for the shim in a container that is read-only.
  const writable = bindLine(directory, directory);
  if (isolation.privileged) {
    const fstab = writable + sharedMemory(isolation, '/dev');
    return { namespaces, dropsProc, devices: '', fstab, remounts: '' };
  }
  const { names, fstab } = ownDevices(isolation, stage);
  const open = host.filter(isOpenToDevices);
  return {
    namespaces,
    dropsProc,
    devices: names.map((name) => `${name}\n`).join(''),
    fstab: [
      writable,
      ...kernelMounts(host),
      ...fstab,
      bindLine(stage, '/dev', 'rbind'),
      ...hidden(isolation),
      // CAP_MKNOD is one of Docker's defaults, and no device cgroup says which nodes may be opened: none outside of /dev.
      ...open
        .filter(({ target }) => target !== '/')
        .map(({ target, flags }) => remountLine(target, withFlag(flags, 'nodev'))),
    ].join(''),
    // `mount --all` leaves the root directory out.
    remounts: remountLines(
      open.filter(({ target }) => target === '/'),
      'nodev',
    ),
  };
}

/**
 * A host that is a container itself (LXC's `proc:mixed`) has such binds, and `mount --all` would take ours for done,
 * though the new /proc covers them.
 */
function hasOwnLocks(
  { maskedPaths, readonlyPaths, privileged }: Isolation,
  host: readonly HostMount[],
): boolean {
  const places = new Set([...maskedPaths, ...readonlyPaths]);
  return !privileged && host.some(({ target }) => places.has(target) && isAtOrBelow(target, '/proc'));
}

/** For `mount -o remount,bind,…`, which sets all flags anew. */
export function remountLines(mounts: readonly HostMount[], more: 'nodev' | 'ro'): string {
  return mounts
    .map(({ target, flags }) => `${withFlag(flags, more).join(',')}\n${singleLine(target)}\n`)
    .join('');
}

/** Docker's. */
const usualDevices = ['null', 'zero', 'full', 'random', 'urandom', 'tty'];

/**
 * Docker's /dev: a file system in memory, in which no other device node works. The nodes are the host's own; what is
 * read-only of them is their mode and owner.
 */
function ownDevices(
  isolation: Isolation,
  stage: string,
): { names: readonly string[]; fstab: readonly string[] } {
  const usual = usualDevices.map((name) => ({ source: `/dev/${name}`, target: `/dev/${name}` }));
  const devices = [...usual, ...isolation.devices.map(checkDevice)];
  const files = devices.filter(({ source }) => !statSync(source).isDirectory());
  const place = ({ target }: Device) => target.replace('/dev', stage);
  const terminals = `${stage}/pts`;
  const options = 'nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5,X-mount.mkdir';
  return {
    names: [...files.map(({ target }) => singleLine(target.slice('/dev/'.length))), 'ptmx'],
    fstab: [
      ...devices.map((device) => bindLine(device.source, place(device), 'bind,ro,X-mount.mkdir')),
      newLine('devpts', terminals, options),
      bindLine(`${terminals}/ptmx`, `${stage}/ptmx`),
      sharedMemory(isolation, stage),
    ],
  };
}

/** @throws invalid, in the Engine's words */
function checkDevice(device: Device): Device {
  if (existsSync(device.source)) return device;
  throw new FairleadError(
    'invalid',
    `error gathering device information while adding custom device "${device.source}": no such file or directory`,
  );
}

function sharedMemory({ ipc, shmSize }: Isolation, dev: string): string {
  if (ipc === 'none') return '';
  const places = ['shm', 'mqueue'] as const;
  if (ipc === 'host') {
    const there = dev === '/dev' ? [] : places.filter((name) => existsSync(`/dev/${name}`));
    return there.map((name) => bindLine(`/dev/${name}`, `${dev}/${name}`, 'rbind,X-mount.mkdir')).join('');
  }
  const flags = 'nosuid,nodev,noexec';
  return (
    newLine('tmpfs', `${dev}/shm`, `${flags},mode=1777,size=${shmSize},X-mount.mkdir`) +
    newLine('mqueue', `${dev}/mqueue`, `${flags},X-mount.mkdir`)
  );
}

/** /sys as the container's network namespace has it, not to be written to; the control groups where there is one tree of them. */
function kernelMounts(host: readonly HostMount[]): readonly string[] {
  const flags = 'ro,nosuid,nodev,noexec';
  const groups = host.find(({ target, type }) => target === '/sys/fs/cgroup' && type === 'cgroup2');
  return [
    // The kernel refuses one and the same file system twice in one place, as /sys is on the host's network.
    newLine('tmpfs', '/sys', 'ro,size=0'),
    newLine('sysfs', '/sys', flags),
    ...(groups ? [newLine('cgroup2', '/sys/fs/cgroup', flags)] : []),
  ];
}

/** /proc/sys is locked later where something is still to be written there. */
function hidden({ maskedPaths, readonlyPaths, sysctls }: Isolation): readonly string[] {
  const late = Object.keys(sysctls).length > 0;
  const now = late ? readonlyPaths.filter((path) => path !== '/proc/sys') : readonlyPaths;
  return [...maskedPaths.flatMap(mask), ...now.flatMap(lock)];
}

function mask(path: string): readonly string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) return [];
  return [stat.isDirectory() ? newLine('tmpfs', path, 'ro,size=0') : bindLine('/dev/null', path)];
}

export function lock(path: string): readonly string[] {
  return existsSync(path) ? [bindLine(path, path, 'bind,ro')] : [];
}

function isOpenToDevices(mount: HostMount): boolean {
  return !isKernels(mount) && !mount.flags.includes('nodev');
}

function withFlag(flags: readonly string[], more: 'nodev' | 'ro'): readonly string[] {
  const kept = flags.filter((flag) => flag !== more && !(more === 'ro' && flag === 'rw'));
  return [...kept, more];
}

/** @throws internal: what is passed on by lines must be one */
export function singleLine(path: string): string {
  if (!path.includes('\n')) return path;
  throw new FairleadError(
    'internal',
    `a mount with a line break in its place cannot be handled: ${JSON.stringify(path)}`,
  );
}
