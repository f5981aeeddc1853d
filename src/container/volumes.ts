import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { FairleadError } from '../lib/errors.ts';
import type { Container } from './container.ts';

export interface Volume {
  readonly name: string;
  /** RFC 3339. */
  readonly created: string;
  /** Where its files are, on the host. */
  readonly path: string;
  readonly labels: Readonly<Record<string, string>>;
}

const settingsSchema = z.object({ labels: z.record(z.string(), z.string()) });
const settingsFile = 'volume.json';
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Where named volumes are: on the disk, or nowhere, where containers are only records. */
export interface VolumeFiles {
  /** In no order. */
  names(): readonly string[];
  get(name: string): Volume | undefined;
  /** Where its files are, or would be. */
  pathOf(name: string): string;
  make(name: string, labels: Readonly<Record<string, string>>): void;
  delete(name: string): void;
}

/** A directory each, `DIRECTORY/NAME/_data`, which is all there is to one. */
export function volumesOnDisk(directory: string): VolumeFiles {
  const labelsOf = (name: string) => {
    const file = join(directory, name, settingsFile);
    return existsSync(file) ? settingsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).labels : {};
  };
  return {
    pathOf: (name) => volumeData(directory, name),
    names: () => (existsSync(directory) ? readdirSync(directory) : []),
    get(name) {
      const path = volumeData(directory, name);
      const stat = statSync(path, { throwIfNoEntry: false });
      if (!stat) return undefined;
      return { name, path, created: stat.birthtime.toISOString(), labels: labelsOf(name) };
    },
    make(name, labels) {
      mkdirSync(volumeData(directory, name), { recursive: true, mode: 0o755 });
      if (Object.keys(labels).length === 0) return;
      writeFileSync(join(directory, name, settingsFile), JSON.stringify({ labels }), { mode: 0o600 });
    },
    delete: (name) => rmSync(join(directory, name), { recursive: true, force: true }),
  };
}

/** Names only; `path` is where the files would be. */
export function volumesInMemory(directory: string, now: () => number): VolumeFiles {
  const volumes = new Map<string, Volume>();
  return {
    pathOf: (name) => volumeData(directory, name),
    names: () => [...volumes.keys()],
    get: (name) => volumes.get(name),
    make(name, labels) {
      const created = new Date(now()).toISOString();
      volumes.set(name, { name, path: volumeData(directory, name), created, labels });
    },
    delete: (name) => volumes.delete(name),
  };
}

/** Named volumes. */
export class Volumes {
  constructor(private readonly files: VolumeFiles) {}

  list(): readonly Volume[] {
    return [...this.files.names()].sort().flatMap((name) => this.get(name) ?? []);
  }

  pathOf(name: string): string {
    return this.files.pathOf(name);
  }

  get(name: string): Volume | undefined {
    return namePattern.test(name) ? this.files.get(name) : undefined;
  }

  /** @throws not-found, in the Engine's words */
  find(name: string): Volume {
    const volume = this.get(name);
    if (!volume) throw new FairleadError('not-found', `get ${name}: no such volume`);
    return volume;
  }

  /** One that is there is left as it is. @throws invalid, for the name */
  create(name: string, labels: Readonly<Record<string, string>>): Volume {
    checkVolumeName(name);
    const there = this.get(name);
    if (there) return there;
    this.files.make(name, labels);
    return this.find(name);
  }

  /** @throws not-found | conflict while a container has it, running or not */
  remove(name: string, containers: readonly Container[]): void {
    this.find(name);
    const users = containers.filter((container) =>
      volumesOf(container).some(({ source }) => source === name),
    );
    if (users.length > 0) {
      const ids = users.map(({ id }) => id).join(', ');
      throw new FairleadError('conflict', `remove ${name}: volume is in use - [${ids}]`);
    }
    this.files.delete(name);
  }

  /** Of a container that is gone; those that another has, too, stay. */
  removeAnonymous(container: Container, others: readonly Container[]): void {
    const own = volumesOf(container).filter(({ anonymous, source }) => anonymous && this.get(source));
    for (const { source } of own) {
      const shared = others.some((other) => volumesOf(other).some((volume) => volume.source === source));
      if (!shared) this.remove(source, []);
    }
  }
}

export function volumesOf({ spec }: Container) {
  return (spec.isolation?.mounts ?? []).filter((mount) => mount.kind === 'volume');
}

export function volumeData(directory: string, name: string): string {
  return join(directory, name, '_data');
}

/** @throws invalid, in the Engine's words */
export function checkVolumeName(name: string): void {
  if (namePattern.test(name)) return;
  if (name.length < 2) {
    const rule = 'names should be at least two alphanumeric characters';
    throw new FairleadError('invalid', `create ${name}: volume name is too short, ${rule}`);
  }
  throw new FairleadError(
    'invalid',
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}
