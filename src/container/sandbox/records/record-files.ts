import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import * as z from 'zod';
import type { Store } from '../../../../kvstore/store.ts';
import { idSchema } from '../../../cluster/decode.ts';
import { folders, keys } from '../../../cluster/keys.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/log.ts';
import { type Container, containerSchema } from '../../container.ts';
import type { RecordKeeper } from '../../own/container-table.ts';
import { type ContainerPaths, makeDirectory, pathsOf, removeDirectory } from './directory.ts';

const recordSchema = z.object({
  container: containerSchema,
  /** Networks and services that it is on: the records' texts. */
  networks: z.array(z.string()),
  services: z.array(z.string()),
});

/** What a container's directory says of it. */
export type RecordFile = Readonly<z.infer<typeof recordSchema>>;

/**
 * Each container's record is in its directory as well, written after the store has it, with the networks and services
 * of this host's store that it is on. With it a container that the store has lost is taken up again (lost-records.ts).
 */
export class RecordFiles implements RecordKeeper {
  constructor(
    private readonly store: Store,
    private readonly directory: string,
    private readonly log: Logger,
  ) {}

  /** A full disk costs the copy, never the change. */
  async save(container: Container): Promise<void> {
    const paths = pathsOf(this.directory, container.id);
    try {
      const text = JSON.stringify(await this.#recordOf(container));
      makeDirectory(paths);
      writeFileSync(`${paths.record}.new`, text, { mode: 0o600 });
      renameSync(`${paths.record}.new`, paths.record);
    } catch (error) {
      this.log.debug({ container: container.id }, `its record is in the store only: ${messageOf(error)}`);
    }
  }

  /** For containers of a build that wrote none. */
  async saveMissing(containers: readonly Container[]): Promise<void> {
    for (const container of containers)
      if (!existsSync(pathsOf(this.directory, container.id).record)) await this.save(container);
  }

  /** With all that the container has on the disk. */
  forget(id: string): void {
    removeDirectory(pathsOf(this.directory, id));
  }

  async #recordOf(container: Container): Promise<RecordFile> {
    const made = container.attachments.filter(({ endpoint }) => endpoint);
    const networks = await Promise.all(made.map(({ network }) => this.store.get(keys.network(network))));
    const services = await Promise.all(
      made.map(({ network, serviceId }) => (serviceId ? this.#service(network, serviceId) : undefined)),
    );
    return {
      container,
      networks: networks.flatMap((entry) => entry?.value ?? []),
      services: services.flatMap((value) => value ?? []),
    };
  }

  async #service(networkId: string, serviceId: string): Promise<string | undefined> {
    const entries = await this.store.list(folders.servicesOf(networkId));
    return entries.find(({ value }) => idOf(value) === serviceId)?.value;
  }
}

/** Undefined when there is none, or it is not whole. */
export function readRecordFile({ record }: ContainerPaths): RecordFile | undefined {
  try {
    return recordSchema.parse(JSON.parse(readFileSync(record, 'utf8')));
  } catch {
    return undefined;
  }
}

function idOf(text: string): string | undefined {
  return z.object({ id: idSchema }).safeParse(JSON.parse(text)).data?.id;
}
