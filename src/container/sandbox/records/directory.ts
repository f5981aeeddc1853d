import {
  closeSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { FairleadError } from '../../../lib/errors.ts';
import { isFullId } from '../../../lib/ids.ts';
import { fileLine } from '../../../lib/plain-text.ts';
import { readText } from '../../../lib/read-text.ts';
import type { ContainerFiles } from '../../runtime.ts';

/** What a container has on the disk, at `DIRECTORY/<id>/`; shimFiles lists what the shim adds. */
const names = {
  resolvConf: 'resolv.conf',
  hosts: 'hosts',
  hostname: 'hostname',
  nsswitch: 'nsswitch.conf',
  /** An empty directory, to cover the socket of a name service cache with. */
  empty: 'empty',
  /** What is mounted where, as fstab(5) has it; what gets other flags after; kernel settings. See owner-files.ts. */
  mounts: 'mounts',
  remounts: 'remounts',
  sysctls: 'sysctls',
  /** Who runs it: see process-identity.ts. */
  process: 'process',
  /** Its record, as the store has it: see record-files.ts. */
  record: 'record.json',
} as const;

export type ContainerPaths = { readonly [name in keyof typeof names]: string } & { readonly root: string };

export function pathsOf(directory: string, id: string): ContainerPaths {
  const root = join(directory, id);
  const path = (name: keyof typeof names) => join(root, names[name]);
  return {
    root,
    resolvConf: path('resolvConf'),
    hosts: path('hosts'),
    hostname: path('hostname'),
    nsswitch: path('nsswitch'),
    empty: path('empty'),
    mounts: path('mounts'),
    remounts: path('remounts'),
    sysctls: path('sysctls'),
    process: path('process'),
    record: path('record'),
  };
}

export function makeDirectory(paths: ContainerPaths): void {
  mkdirSync(paths.root, { recursive: true, mode: 0o700 });
  mkdirSync(paths.empty, { recursive: true, mode: 0o755 });
}

export function removeDirectory(paths: ContainerPaths): void {
  rmSync(paths.root, { recursive: true, force: true });
}

/** Ids that have a directory. */
export function directoryIds(directory: string): readonly string[] {
  return existsSync(directory) ? readdirSync(directory).filter(isFullId) : [];
}

/** In the container's directory, which is made where it is missing. */
export function writeNetworkFiles(paths: ContainerPaths, files: ContainerFiles): void {
  if (!existsSync(paths.root)) makeDirectory(paths);
  replaceText(paths.resolvConf, files.resolvConf);
  replaceText(paths.hosts, files.hosts);
}

export function writeIdentityFiles(paths: ContainerPaths, hostname: string): void {
  replaceText(paths.hostname, fileLine(hostname));
  replaceText(paths.nsswitch, nsswitchConf());
}

/**
 * The container's own files, source and target, where the host has a place for them.
 * @throws internal when it has none for the files that names are resolved by
 */
export function ownFiles(paths: ContainerPaths): readonly (readonly [string, string])[] {
  const mounts: [string, string][] = [
    [paths.resolvConf, '/etc/resolv.conf'],
    [paths.hosts, '/etc/hosts'],
    [paths.hostname, '/etc/hostname'],
    [paths.nsswitch, '/etc/nsswitch.conf'],
    // A cache daemon of the host would answer names as the host sees them.
    [paths.empty, '/run/nscd'],
  ];
  for (const [, target] of mounts.slice(0, 2)) {
    if (existsSync(target)) continue;
    const message = `this host has no ${target} that a container's own could cover; make an empty one`;
    throw new FairleadError('internal', message);
  }
  return mounts.filter(([, target]) => existsSync(target));
}

/**
 * The host's, but names are only asked of /etc/hosts and DNS: modules such as `resolve` and `mymachines`
 * ask a daemon of the host, past the container's resolv.conf.
 */
function nsswitchConf(): string {
  const host = existsSync('/etc/nsswitch.conf') ? readFileSync('/etc/nsswitch.conf', 'utf8') : '';
  return `${host.replace(/^hosts:.*\n?/gm, '')}\nhosts: files dns\n`;
}

/** In place, as a bind mount holds on to the inode; never empty in between, as a reader may come at any time. */
function replaceText(file: string, text: string): void {
  const before = readText(file);
  if (before === text) return;
  if (before === undefined) writeFileSync(file, '', { mode: 0o644 });
  const bytes = Buffer.from(text);
  const fd = openSync(file, 'r+');
  try {
    writeSync(fd, bytes, 0, bytes.length, 0);
    ftruncateSync(fd, bytes.length);
  } finally {
    closeSync(fd);
  }
}
