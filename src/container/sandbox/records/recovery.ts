import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { shortId } from '../../../lib/ids.ts';
import { timestamp } from '../../../lib/time.ts';
import type { Container } from '../../container.ts';
import type { ContainerTable } from '../../own/container-table.ts';
import type { ExitRecord } from '../../shim/protocol.ts';
import { initPid } from '../namespaces/namespaces.ts';
import { endProcess, livingProcess } from '../pause-process.ts';
import { currentBootId, isAlive, type ProcessIdentity } from '../process-identity.ts';
import { readExitFile, unknownCode } from '../shim-client/supervisor.ts';
import { type ContainerPaths, directoryIds, pathsOf, removeDirectory } from './directory.ts';

/** What a new daemon finds of a container that its predecessor had running. */
export type Found =
  | { readonly kind: 'running'; readonly outer?: ProcessIdentity }
  | { readonly kind: 'ended'; readonly exit: ExitRecord };

/** `sandboxPath` is where the container's network namespace must still be. */
export function findRunning({ spec }: Container, paths: ContainerPaths, sandboxPath: string): Found {
  const outer = livingProcess(paths);
  if (spec.command.length === 0) {
    const kept = wasStartedInThisBoot(paths) && existsSync(sandboxPath);
    return kept
      ? { kind: 'running' }
      : { kind: 'ended', exit: { exitCode: unknownCode, finishedAt: timestamp(Date.now()) } };
  }
  const exit = readExitFile(paths);
  if (outer && !exit) return { kind: 'running', outer };
  return { kind: 'ended', exit: exit ?? { exitCode: unknownCode, finishedAt: timestamp(Date.now()) } };
}

/** A container that is running though no record says what it is: nothing of it may be touched. */
export interface UnknownContainer {
  readonly id: string;
  /** Undefined: it has no command, and is its network namespace only. */
  readonly outer?: ProcessIdentity;
}

/**
 * A start that was cut short before it was recorded, or a removal: nothing of it may stay. What lives and has no record
 * may be anybody's work, as after the loss of a database, and is left alone.
 */
export async function clearLeftovers(
  directory: string,
  table: Pick<ContainerTable, 'get' | 'isKnown'>,
  sandboxPath: (id: string) => string,
): Promise<readonly UnknownContainer[]> {
  const leftovers = directoryIds(directory).filter((id) => table.get(id)?.state.status !== 'running');
  const found = await Promise.all(
    leftovers.map(async (id): Promise<UnknownContainer[]> => {
      const paths = pathsOf(directory, id);
      const unknown = table.get(id) ? undefined : unknownIn(paths, id, sandboxPath(id));
      if (unknown) return [unknown];
      await endProcess(paths);
      if (!table.isKnown(id)) removeDirectory(paths);
      return [];
    }),
  );
  return found.flat();
}

function unknownIn(paths: ContainerPaths, id: string, sandboxPath: string): UnknownContainer | undefined {
  const outer = livingProcess(paths);
  if (outer) return { id, outer };
  return wasStartedInThisBoot(paths) && existsSync(sandboxPath) ? { id } : undefined;
}

export function describeUnknown({ id, outer }: UnknownContainer): string {
  const pid = outer ? `, pid ${outer.pid},` : '';
  const end = outer ? `; \`kill -9 ${initPid(outer) ?? outer.pid}\` ends it` : '';
  return `container ${shortId(id)}${pid} runs, but no record of it is left: it is left alone${end}`;
}

/** Whether it still is. */
export function stillRuns({ outer }: UnknownContainer, sandboxPath: string): boolean {
  return outer ? isAlive(outer) : existsSync(sandboxPath);
}

/** For a container without a command: its namespace lives as long as the machine is not restarted. */
export function noteBoot(paths: ContainerPaths): void {
  writeFileSync(bootFile(paths), currentBootId(), { mode: 0o600 });
}

function wasStartedInThisBoot(paths: ContainerPaths): boolean {
  return existsSync(bootFile(paths)) && readFileSync(bootFile(paths), 'utf8') === currentBootId();
}

function bootFile({ root }: ContainerPaths): string {
  return join(root, 'boot');
}
