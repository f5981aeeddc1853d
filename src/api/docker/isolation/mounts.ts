import { existsSync } from 'node:fs';
import { normalize } from 'node:path';
import * as z from 'zod';
import type { Mount } from '../../../container/isolation.ts';
import { checkVolumeName } from '../../../container/volumes.ts';
import { FairleadError } from '../../../lib/errors.ts';
import { newId } from '../../../lib/ids.ts';
import { go } from '../../go/json.ts';
import { refusal } from './host-options.ts';

export const mountList = go.list(
  go.object('mount.Mount', {
    Type: go.text(),
    Source: go.text(),
    Target: go.text(),
    ReadOnly: go.flag(),
    BindOptions: go.object('mount.BindOptions', {
      Propagation: go.text(),
      NonRecursive: go.flag(),
      CreateMountpoint: go.flag(),
    }),
    VolumeOptions: go.object('mount.VolumeOptions', {
      Subpath: go.text(),
      DriverConfig: go.object('mount.Driver', { Name: go.text(), Options: go.textMap() }),
    }),
    TmpfsOptions: go.object('mount.TmpfsOptions', {
      SizeBytes: go.int(),
      Mode: go.int(),
      Options: z.array(z.array(z.string())).nullish(),
    }),
  }),
  '[]mount.Mount',
);
type MountSpec = z.infer<typeof mountList>[number];

/** Parses one `--mount`. @throws invalid in the Engine's words | unsupported */
export function parseMount(spec: MountSpec, enforced: boolean): Mount {
  const { Type: type, Source: source, ReadOnly: readOnly } = spec;
  const fail = (why: string) =>
    new FairleadError('invalid', `invalid mount config for type "${type}": ${why}`);
  if (spec.Target === '') throw fail('field Target must not be empty');
  const target = parseTarget(spec.Target, fail);
  if (type === 'tmpfs') {
    if (source !== '') throw fail('field Source must not be specified');
    return { kind: 'tmpfs', target, options: parseTmpfs(tmpfsText(spec)) };
  }
  if (type === 'volume') {
    refuseVolumeOptions(spec);
    return { kind: 'volume', target, readOnly, ...volumeName(source) };
  }
  if (type !== 'bind') throw refusal(`--mount type=${type}`, 'a mount is a bind, a volume or a tmpfs');
  if (source === '') throw fail('field Source must not be empty');
  if (!source.startsWith('/')) throw fail(`invalid mount path: '${source}' mount path must be absolute`);
  const createSource = spec.BindOptions.CreateMountpoint;
  if (enforced && !createSource && !existsSync(source))
    throw fail(`bind source path does not exist: ${source}`);
  refusePropagation(spec.BindOptions.Propagation);
  if (spec.BindOptions.NonRecursive) {
    throw refusal('--mount bind-recursive=disabled', 'what is mounted below a bind source comes with it');
  }
  return { kind: 'bind', source: cleanPath(source, fail), target, readOnly, createSource };
}

/** What may follow the second colon of `-v`. Those of SELinux and of caches mean nothing here, as in an Engine without. */
const modes = new Set(['ro', 'rw', 'z', 'Z', 'nocopy', 'consistent', 'cached', 'delegated']);
const propagations = new Set(['private', 'rprivate', 'shared', 'rshared', 'slave', 'rslave']);

/** `SOURCE:TARGET[:OPTIONS]`, or only a target for a volume without a name. @throws as `parseMount` */
export function parseBind(text: string): Mount {
  const fail = (why: string) =>
    new FairleadError('invalid', `invalid volume specification: '${text}': ${why}`);
  const parts = text.split(':');
  const [first = '', second, mode = ''] = parts;
  if (parts.length > 3 || first === '' || second === '') {
    throw new FairleadError('invalid', `invalid volume specification: '${text}'`);
  }
  if (second === undefined)
    return { kind: 'volume', target: parseTarget(first, fail), readOnly: false, ...volumeName('') };
  const target = parseTarget(second, fail);
  const readOnly = parseMode(mode);
  if (first.startsWith('/'))
    return { kind: 'bind', source: cleanPath(first, fail), target, readOnly, createSource: true };
  return { kind: 'volume', target, readOnly, ...volumeName(first) };
}

function parseMode(text: string): boolean {
  const words = text.split(',').filter((word) => word !== '');
  for (const word of words) {
    if (propagations.has(word)) refusePropagation(word);
    else if (!modes.has(word)) throw new FairleadError('invalid', `invalid mode: ${text}`);
  }
  return words.includes('ro');
}

function refusePropagation(text: string): void {
  if (['', 'private', 'rprivate'].includes(text)) return;
  if (!propagations.has(text)) throw new FairleadError('invalid', `invalid propagation mode: ${text}`);
  throw refusal(`bind-propagation=${text}`, "a container's mounts are private");
}

function refuseVolumeOptions({ VolumeOptions: { Subpath, DriverConfig } }: MountSpec): void {
  if (Subpath !== '') throw refusal('--mount volume-subpath', 'a volume is mounted as a whole');
  if (Object.keys(DriverConfig.Options).length > 0 || !['', 'local'].includes(DriverConfig.Name)) {
    throw refusal('--mount volume-driver, volume-opt', 'a volume is a directory of this host');
  }
}

function volumeName(name: string): { readonly source: string; readonly anonymous: boolean } {
  if (name === '') return { source: newId(), anonymous: true };
  checkVolumeName(name);
  return { source: name, anonymous: false };
}

type Fail = (why: string) => FairleadError;

function parseTarget(text: string, fail: Fail): string {
  if (!text.startsWith('/')) throw fail(`invalid mount path: '${text}' mount path must be absolute`);
  const target = cleanPath(text, fail);
  if (target === '/') throw fail("invalid specification: destination can't be '/'");
  // runc's rule. What watches over the container's processes reads it.
  if (/^\/proc(\/|$)/.test(target)) throw fail(`"${target}" cannot be mounted because it is inside /proc`);
  return target;
}

function cleanPath(text: string, fail: Fail): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  if (/[\u0000-\u001f\u007f]/.test(text)) throw fail('a path must not have control characters');
  return normalize(text).replace(/(.)\/$/, '$1');
}

const tmpfsFlags = new Set([
  ...['rw', 'ro', 'exec', 'noexec', 'suid', 'nosuid', 'nodev', 'sync', 'async', 'dirsync'],
  ...['atime', 'noatime', 'diratime', 'nodiratime', 'relatime', 'norelatime', 'strictatime', 'nostrictatime'],
]);
const tmpfsValues = /^(size|mode|uid|gid|nr_inodes|nr_blocks|mpol)=[\w%:,.=-]+$/;

/**
 * What follows `--tmpfs /x:`. Docker's defaults come first, and the last word wins. `dev` is none of them: a device node
 * in such a file system would be open to its container.
 * @throws invalid
 */
export function parseTmpfs(text: string): string {
  const words = text.split(',').filter((word) => word !== '');
  const bad = words.filter((word) => !tmpfsFlags.has(word) && !tmpfsValues.test(word));
  if (bad.length > 0) throw new FairleadError('invalid', `invalid tmpfs option ${JSON.stringify(bad)}`);
  return ['noexec', 'nosuid', 'nodev', ...words].join(',');
}

function tmpfsText({ ReadOnly, TmpfsOptions: { SizeBytes, Mode, Options } }: MountSpec): string {
  const words = [
    ...(SizeBytes > 0 ? [`size=${SizeBytes}`] : []),
    ...(Mode > 0 ? [`mode=${Mode.toString(8)}`] : []),
    ...(Options ?? []).map((option) => option.join('=')),
    ...(ReadOnly ? ['ro'] : []),
  ];
  return words.join(',');
}
