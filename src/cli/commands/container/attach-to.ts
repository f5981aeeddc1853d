import { Duplex } from 'node:stream';
import * as z from 'zod/mini';
import type { Client } from '../../client/client.ts';
import { anything } from '../../output/values.ts';

/** Only a connection that was upgraded carries both ways. */
export const duplex = z.custom<Duplex>((value) => value instanceof Duplex);

export interface AttachOptions {
  readonly stdin: boolean;
  /** Absent: yes. */
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  /** Also what was written before. */
  readonly logs?: boolean;
}

export function attachTo(
  client: Client,
  id: string,
  { stdin, stdout = true, stderr = true, logs = false }: AttachOptions,
): Promise<Duplex> {
  const options = { stream: true, stdin, stdout, stderr, logs, hijack: true };
  return client.ask((docker) => docker.getContainer(id).attach(options), duplex);
}

export function resizer(client: Client, path: string): (rows: number, columns: number) => Promise<void> {
  return async (rows, columns) => {
    await client.request('POST', `${path}/resize`, { query: { h: rows, w: columns } }, anything);
  };
}

const waited = z.object({ StatusCode: z.number() });

/** Resolves with the exit code. */
export async function waitFor(client: Client, id: string, condition: string): Promise<number> {
  const path = `/containers/${encodeURIComponent(id)}/wait`;
  const { StatusCode } = await client.request('POST', path, { query: { condition } }, waited);
  return StatusCode;
}
