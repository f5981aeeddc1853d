import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FairleadError, messageOf } from '../lib/errors.ts';
import { isFullId, newId } from '../lib/ids.ts';

export interface Identity {
  /** 64 hex digits, the same as long as the data root is. */
  readonly nodeId: string;
  /** Four hex digits in the names of this node's kernel objects. */
  readonly tag: string;
}

/** Reads the node's id from the data root, or makes both. @throws invalid when the data root cannot be used */
export async function openIdentity(dataRoot: string): Promise<Identity> {
  const file = join(dataRoot, 'node-id');
  try {
    await mkdir(dataRoot, { recursive: true, mode: 0o711 });
    const known = await readFile(file, 'utf8').catch(() => undefined);
    const nodeId = known?.trim() ?? (await writeNew(file));
    if (!isFullId(nodeId)) throw new Error(`${file} does not hold a node id (64 hex digits)`);
    return { nodeId, tag: nodeId.slice(0, 4) };
  } catch (error) {
    throw new FairleadError(
      'invalid',
      `data root ${dataRoot} cannot be used: ${messageOf(error)}; name another with --data-root`,
      { cause: error },
    );
  }
}

/** Whole or not at all: a crash must not leave half an id. */
async function writeNew(file: string): Promise<string> {
  const nodeId = newId();
  await writeFile(`${file}.new`, `${nodeId}\n`, { mode: 0o644 });
  await rename(`${file}.new`, file);
  return nodeId;
}
