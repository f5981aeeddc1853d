import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { timestamp } from '../../lib/time.ts';
import type { Container } from '../runtime.ts';
import type { ExitRecord } from '../shim/protocol.ts';
import { type ContainerPaths, directoryIds, pathsOf, removeDirectory } from './directory.ts';
import { endProcess, livingProcess } from './holders.ts';
import { currentBootId, type ProcessIdentity } from './process-identity.ts';
import { readExitFile, unknownCode } from './supervisor.ts';

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

/** A start that was cut short before it was recorded, or a removal: nothing of it may stay. */
export async function clearLeftovers(
  directory: string,
  containers: ReadonlyMap<string, Container>,
): Promise<void> {
  const leftovers = directoryIds(directory).filter((id) => containers.get(id)?.state.status !== 'running');
  await Promise.all(
    leftovers.map(async (id) => {
      const paths = pathsOf(directory, id);
      await endProcess(paths);
      if (!containers.has(id)) removeDirectory(paths);
    }),
  );
}

/** For a container without a command: its namespace lives as long as the machine is not restarted. */
export function noteBoot(paths: ContainerPaths): void {
  writeFileSync(bootFile(paths), currentBootId());
}

function wasStartedInThisBoot(paths: ContainerPaths): boolean {
  return existsSync(bootFile(paths)) && readFileSync(bootFile(paths), 'utf8') === currentBootId();
}

function bootFile({ root }: ContainerPaths): string {
  return join(root, 'boot');
}
