import type { Client } from '../../../client/client.ts';
import { command } from '../../../command.ts';
import { created } from '../../../output/values.ts';
import type { Shell } from '../../../shell.ts';
import { attachedStreams, createBody } from './body.ts';
import { refuseOldCidFile, writeCidFile } from './cid-file.ts';
import { createFlags } from './flags.ts';

export const create = command({
  synopsis: 'IMAGE [COMMAND] [ARG...]',
  description: 'Create a new container',
  args: [1],
  interspersed: false,
  flags: createFlags,
  async run({ flags, given, args, client, shell }) {
    const body = createBody(flags, args, attachedStreams(flags), shell.env, given);
    shell.stdout.write(`${await createContainer(client, flags, body, shell)}\n`);
  },
});

/** @returns the id; warnings go to stderr */
export async function createContainer(
  client: Client,
  { name, cidfile }: { readonly name: string; readonly cidfile: string },
  body: Readonly<Record<string, unknown>>,
  shell: Shell,
): Promise<string> {
  refuseOldCidFile(cidfile);
  const query = name === '' ? {} : { name };
  const { Id, Warnings } = await client.request('POST', '/containers/create', { query, body }, created);
  for (const warning of Warnings ?? []) shell.stderr.write(`WARNING: ${warning}\n`);
  writeCidFile(cidfile, Id);
  return Id;
}
