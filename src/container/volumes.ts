import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { FairleadError } from '../lib/errors.ts';
import type { Container } from './runtime.ts';

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

/** Named volumes: a directory each, `DIRECTORY/NAME/_data`, which is all there is to one. */
export class Volumes {
  constructor(private readonly directory: string) {}

  list(): readonly Volume[] {
    const names = existsSync(this.directory) ? readdirSync(this.directory).sort() : [];
    return names.flatMap((name) => this.get(name) ?? []);
  }

  pathOf(name: string): string {
    return volumeData(this.directory, name);
  }

  get(name: string): Volume | undefined {
    const path = this.pathOf(name);
    const stat = namePattern.test(name) ? statSync(path, { throwIfNoEntry: false }) : undefined;
    if (!stat) return undefined;
    return { name, path, created: stat.birthtime.toISOString(), labels: this.#labels(name) };
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
    mkdirSync(this.pathOf(name), { recursive: true, mode: 0o755 });
    if (Object.keys(labels).length > 0) {
      writeFileSync(join(this.directory, name, settingsFile), JSON.stringify({ labels }), { mode: 0o600 });
    }
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
    rmSync(join(this.directory, name), { recursive: true, force: true });
  }

  /** Of a container that is gone; those that another has, too, stay. */
  removeAnonymous(container: Container, others: readonly Container[]): void {
    const own = volumesOf(container).filter(({ anonymous, source }) => anonymous && this.get(source));
    for (const { source } of own) {
      const shared = others.some((other) => volumesOf(other).some((volume) => volume.source === source));
      if (!shared) this.remove(source, []);
    }
  }

  #labels(name: string): Readonly<Record<string, string>> {
    const file = join(this.directory, name, settingsFile);
    return existsSync(file) ? settingsSchema.parse(JSON.parse(readFileSync(file, 'utf8'))).labels : {};
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
  throw new FairleadError(
    'invalid',
    `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
  );
}
