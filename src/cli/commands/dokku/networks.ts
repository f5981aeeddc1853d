import type { Client } from '../../client/client.ts';
import { Failure } from '../../failure.ts';
import type { DokkuLog } from '../../output/dokku-log.ts';
import { readLine } from '../../output/prompt.ts';
import { anything } from '../../output/values.ts';
import type { Shell } from '../../shell.ts';
import { byName, networkRecords } from '../network/records.ts';

/** What a Dokku command is run with. */
export interface DokkuCall {
  readonly args: readonly string[];
  readonly force: boolean;
  readonly client: Client;
  readonly log: DokkuLog;
  readonly shell: Shell;
}

export type DokkuCommand = (call: DokkuCall) => Promise<number>;

/** `network:*` of Dokku, in the words of its documentation (the second seed). */
export const networkCommands: Readonly<Record<string, DokkuCommand>> = {
  'network:create': create,
  'network:destroy': destroy,
  'network:exists': exists,
  'network:list': list,
};

async function create(call: DokkuCall): Promise<number> {
  const name = nameOf(call);
  if (await isKnown(call.client, name)) throw new Failure('Network already exists');
  call.log.step(`Creating network ${name}`);
  const body = { Name: name, CheckDuplicate: true, Driver: 'bridge', Attachable: true };
  await call.client.request('POST', '/networks/create', { body }, anything);
  return 0;
}

async function destroy(call: DokkuCall): Promise<number> {
  const name = nameOf(call);
  if (!(await isKnown(call.client, name))) throw new Failure('Network does not exist');
  if (!call.force) await confirm(call, name);
  call.log.step(`Destroying network ${name}`);
  await call.client.tell((docker) => docker.getNetwork(encodeURIComponent(name)).remove());
  return 0;
}

async function exists(call: DokkuCall): Promise<number> {
  const known = await isKnown(call.client, nameOf(call));
  (known ? call.shell.stdout : call.shell.stderr).write(
    known ? 'Network exists\n' : 'Network does not exist\n',
  );
  return known ? 0 : 1;
}

async function list({ client, log }: DokkuCall): Promise<number> {
  const networks = byName(await client.ask((docker) => docker.listNetworks(), networkRecords));
  log.title('Networks');
  for (const { Name } of networks) log.line(Name);
  return 0;
}

async function confirm({ log, shell }: DokkuCall, name: string): Promise<void> {
  log.warn('WARNING: Potentially Destructive Action');
  log.warn(`This command will destroy network ${name}.`);
  log.warn(`To proceed, type "${name}"`);
  shell.stderr.write('> ');
  const typed = await readLine(shell);
  if (typed?.trim() !== name) throw new Failure(`Confirmation did not match ${name}. Aborted.`);
}

function nameOf({ args: [name = ''] }: DokkuCall): string {
  if (name === '') throw new Failure('No network name specified');
  return name;
}

async function isKnown(client: Client, name: string): Promise<boolean> {
  const networks = await client.ask((docker) => docker.listNetworks(), networkRecords);
  return networks.some((network) => network.Name === name);
}
