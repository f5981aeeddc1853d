import { existsSync, mkdirSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { FairleadError, messageOf } from '../../../lib/errors.ts';
import type { Isolation, Mount } from '../../isolation.ts';
import { volumeData } from '../../volumes.ts';
import { type ContainerPaths, ownFiles } from '../records/directory.ts';
import { bindLine, newLine } from './fstab.ts';
import { type HostMount, isAtOrBelow, isKernels } from './host-mounts.ts';
import { lock, remountLines, singleLine } from './namespace-plan.ts';

export interface MountPlaces {
  readonly host: readonly HostMount[];
  /** The directory of named volumes. */
  readonly volumes: string;
  /** Directories that the container does not see. */
  readonly hidden: readonly string[];
}

/**
 * What is mounted, and set, in a container's namespaces once they are its own: writes the files that their init script
 * reads (namespaces.ts), and makes the sources and places of mounts that are missing.
 * @throws invalid in the Engine's words, for a mount whose source or place cannot be
 */
export function writeOwnerFiles(paths: ContainerPaths, isolation: Isolation, places: MountPlaces): void {
  const mounts = isolation.mounts.map((mount) => settle(mount, places));
  const own = ownFiles(paths).map(([source, target]) =>
    bindLine(source, target, isolation.readOnly ? 'bind,ro' : 'bind'),
  );
  const lateLocks =
    Object.keys(isolation.sysctls).length > 0 && isolation.readonlyPaths.includes('/proc/sys');
  // A shim's socket gives all that the shim has, and the database is the daemon's; root in a container is still root.
  const covers = outermost(places.hidden.map((path) => realpathSync(path))).map((path) =>
    newLine('tmpfs', path, 'ro,size=0,mode=700'),
  );
  const lines = [...own, ...byDepth(mounts).map(lineOf), ...(lateLocks ? lock('/proc/sys') : []), ...covers];
  const options = { mode: 0o600 };
  writeFileSync(paths.mounts, lines.join(''), options);
  writeFileSync(paths.remounts, lockedMounts(isolation, mounts, places.host), options);
  writeFileSync(paths.sysctls, sysctlLines(isolation.sysctls), options);
}

function outermost(paths: readonly string[]): readonly string[] {
  return paths.filter((path) => !paths.some((other) => other !== path && isAtOrBelow(path, other)));
}

type Settled = { readonly target: string } & (
  | { readonly kind: 'bind'; readonly source: string; readonly readOnly: boolean }
  | { readonly kind: 'tmpfs'; readonly options: string }
);

function settle(mount: Mount, { volumes }: MountPlaces): Settled {
  if (mount.kind === 'tmpfs') {
    makePlace(mount.target, true);
    return { ...mount, target: realTarget(mount.target) };
  }
  const source = mount.kind === 'volume' ? volumeData(volumes, mount.source) : mount.source;
  if (mount.kind === 'volume' || mount.createSource)
    tryTo(`error while creating mount source path '${source}'`, () => mkdirSync(source, { recursive: true }));
  const stat = statSync(source, { throwIfNoEntry: false });
  if (!stat) {
    throw new FairleadError(
      'invalid',
      `invalid mount config for type "bind": bind source path does not exist: ${source}`,
    );
  }
  makePlace(mount.target, stat.isDirectory());
  return {
    kind: 'bind',
    source: realpathSync(source),
    target: realTarget(mount.target),
    readOnly: mount.readOnly,
  };
}

/** On the host, whose files are the container's: the kernel mounts nothing where nothing is. It stays there, empty. */
function makePlace(target: string, directory: boolean): void {
  if (existsSync(target)) return;
  tryTo(`error while creating mount point ${target}`, () => {
    mkdirSync(directory ? target : dirname(target), { recursive: true });
    if (!directory) writeFileSync(target, '', { flag: 'wx' });
  });
}

function realTarget(target: string): string {
  return existsSync(target) ? realpathSync(target) : target;
}

function tryTo(what: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
    throw new FairleadError('invalid', `${what}: ${messageOf(error)}`, { cause: error });
  }
}

/** What is inside another comes after it. */
function byDepth(mounts: readonly Settled[]): readonly Settled[] {
  const depth = ({ target }: Settled) => target.split('/').length;
  return [...mounts].sort((a, b) => depth(a) - depth(b));
}

function lineOf(mount: Settled): string {
  if (mount.kind === 'tmpfs') return newLine('tmpfs', mount.target, `${mount.options},X-mount.mkdir`);
  return bindLine(mount.source, mount.target, mount.readOnly ? 'rbind,ro' : 'rbind');
}

/** With `--read-only` all of the host but what is covered; and what hangs below the source of a mount that is `ro`. */
function lockedMounts(
  { readOnly }: Isolation,
  mounts: readonly Settled[],
  host: readonly HostMount[],
): string {
  const open = host.filter((mount) => !isKernels(mount));
  const covered = (path: string) => mounts.some(({ target }) => isAtOrBelow(path, target));
  const all = readOnly ? open.filter(({ target }) => !covered(target)) : [];
  const below = mounts.flatMap((mount) => {
    if (mount.kind !== 'bind' || !mount.readOnly) return [];
    const inside = open.filter(({ target }) => target !== mount.source && isAtOrBelow(target, mount.source));
    return [
      ...leftOut(mount, open),
      ...inside.map((each) => ({
        ...each,
        target: join(mount.target, each.target.slice(mount.source.length)),
      })),
    ];
  });
  return remountLines([...all, ...below], 'ro');
}

/**
 * Where the host has something mounted already, the bind may be left out as there (fstab.ts), without its flags. With all
 * flags of either, as it is not known here.
 */
function leftOut(
  { source, target }: { source: string; target: string },
  open: readonly HostMount[],
): HostMount[] {
  const there = open.find((mount) => mount.target === target);
  if (!there) return [];
  const above = open.filter((mount) => isAtOrBelow(source, mount.target));
  const carrier = above.toSorted((a, b) => b.target.length - a.target.length)[0] ?? there;
  return [{ ...there, flags: [...new Set([...carrier.flags, ...there.flags])] }];
}

/** Each as its file below /proc/sys and its value, a line each. */
function sysctlLines(sysctls: Readonly<Record<string, string>>): string {
  const entries = Object.entries(sysctls);
  return entries.map(([key, value]) => `${key.replaceAll('.', '/')}\n${singleLine(value)}\n`).join('');
}
