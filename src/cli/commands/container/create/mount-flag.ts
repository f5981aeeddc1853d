import { resolve } from 'node:path';
import { parseBool } from '../../../../lib/go-bool.ts';
import { UsageError } from '../../../failure.ts';
import { bytesOf } from './resources/sizes.ts';

interface MountSpec {
  Type: string;
  Source?: string;
  Target?: string;
  ReadOnly?: boolean;
  BindOptions?: { Propagation?: string; NonRecursive?: boolean; CreateMountpoint?: boolean };
  VolumeOptions?: {
    NoCopy?: boolean;
    Subpath?: string;
    DriverConfig?: { Name?: string; Options?: Record<string, string> };
  };
  TmpfsOptions?: { SizeBytes?: number; Mode?: number };
}

/** What each field puts into the mount. */
const fields: Readonly<Record<string, (mount: MountSpec, value: string, text: string) => void>> = {
  type(mount, value) {
    mount.Type = value.toLowerCase();
  },
  source(mount, value) {
    mount.Source = /^\.{1,2}(\/|$)/.test(value) ? resolve(value) : value;
  },
  target(mount, value) {
    mount.Target = value;
  },
  readonly(mount, value, text) {
    mount.ReadOnly = flagOf(value, text);
  },
  'bind-propagation'(mount, value) {
    mount.BindOptions = { ...mount.BindOptions, Propagation: value };
  },
  'bind-recursive'(mount, value) {
    mount.BindOptions = { ...mount.BindOptions, NonRecursive: value === 'disabled' };
  },
  'bind-create-src'(mount, value, text) {
    mount.BindOptions = { ...mount.BindOptions, CreateMountpoint: flagOf(value, text) };
  },
  'volume-nocopy'(mount, value, text) {
    mount.VolumeOptions = { ...mount.VolumeOptions, NoCopy: flagOf(value, text) };
  },
  'volume-subpath'(mount, value) {
    mount.VolumeOptions = { ...mount.VolumeOptions, Subpath: value };
  },
  'volume-driver'(mount, value) {
    mount.VolumeOptions = {
      ...mount.VolumeOptions,
      DriverConfig: { ...mount.VolumeOptions?.DriverConfig, Name: value },
    };
  },
  'volume-opt'(mount, value) {
    const [key = '', option = ''] = value.split(/=(.*)/s);
    const { DriverConfig } = mount.VolumeOptions ?? {};
    const Options = { ...DriverConfig?.Options, [key]: option };
    mount.VolumeOptions = { ...mount.VolumeOptions, DriverConfig: { ...DriverConfig, Options } };
  },
  'tmpfs-size'(mount, value) {
    mount.TmpfsOptions = { ...mount.TmpfsOptions, SizeBytes: bytesOf('mount', value) };
  },
  'tmpfs-mode'(mount, value, text) {
    if (!/^[0-7]+$/.test(value)) throw invalid(text, `invalid value for tmpfs-mode: ${value}`);
    mount.TmpfsOptions = { ...mount.TmpfsOptions, Mode: Number.parseInt(value, 8) };
  },
  // These tune caches between a Mac and its virtual machine.
  consistency() {},
};
const synonyms: Readonly<Record<string, string>> = {
  src: 'source',
  destination: 'target',
  dst: 'target',
  ro: 'readonly',
};
const flags = new Set(['readonly', 'volume-nocopy', 'bind-create-src']);

/** `type=bind,source=/a,target=/b,readonly`: a line of comma-separated values. @throws UsageError, in Docker's words */
export function parseMountFlag(text: string): MountSpec {
  const mount: MountSpec = { Type: 'volume' };
  for (const field of splitFields(text)) {
    const [word = '', value] = field.split(/=(.*)/s);
    const key = synonyms[word.toLowerCase()] ?? word.toLowerCase();
    if (value === undefined && !flags.has(key))
      throw invalid(text, `invalid field '${field}' must be a key=value pair`);
    const set = fields[key];
    if (!set) throw invalid(text, `unexpected key '${word}' in '${field}'`);
    set(mount, value ?? 'true', text);
  }
  if (!mount.Target) throw invalid(text, 'target is required');
  return mount;
}

/** A field that contains a comma is in double quotes. */
function splitFields(text: string): readonly string[] {
  const found = text.match(/"(?:[^"]|"")*"|[^,]+/g) ?? [];
  return found.map((field) => (field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field));
}

function flagOf(value: string, text: string): boolean {
  const flag = parseBool(value);
  if (flag !== undefined) return flag;
  throw invalid(text, `invalid value: ${value}`);
}

function invalid(text: string, why: string): UsageError {
  return new UsageError(`invalid argument "${text}" for "--mount" flag: ${why}`);
}
