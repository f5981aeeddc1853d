import { shortId } from '../../../lib/ids.ts';
import { rfc3339Nano } from '../../../lib/time.ts';
import type { Client } from '../../client/client.ts';
import { DaemonError, Failure } from '../../failure.ts';
import { anything } from '../../output/values.ts';
import { byName, type NetworkRecord, networkRecords } from '../network/records.ts';
import { confirm, type DokkuCall, type DokkuCommand, takeOptions } from './call.ts';

/** What marks a network that `network:create` made. */
const managedLabel = 'com.dokku.network-name';

/** `network:*` of Dokku that is about networks, in the words of its documentation (the second seed). */
export const networkCommands: Readonly<Record<string, DokkuCommand>> = {
  'network:create': create,
  'network:destroy': destroy,
  'network:exists': exists,
  'network:info': info,
  'network:list': list,
};

async function create(call: DokkuCall): Promise<void> {
  const name = nameIn(takeOptions(call.args, {}).words);
  call.log.step(`Creating network ${name}`);
  const Labels = { [managedLabel]: name };
  const body = { Name: name, CheckDuplicate: true, Driver: 'bridge', Attachable: true, Labels };
  await inDokkusWords('create', call.client.request('POST', '/networks/create', { body }, anything));
}

async function destroy(call: DokkuCall): Promise<void> {
  const name = nameIn(takeOptions(call.args, {}).words);
  await find(call.client, name);
  await confirm(call, 'network', name);
  call.log.step(`Destroying network ${name}`);
  const removed = call.client.tell((docker) => docker.getNetwork(encodeURIComponent(name)).remove());
  await inDokkusWords('destroy', removed);
}

/** Dokku hands on what `docker network` printed. */
async function inDokkusWords<T>(what: string, done: Promise<T>): Promise<T> {
  try {
    return await done;
  } catch (error) {
    if (!(error instanceof DaemonError)) throw error;
    throw new Failure(`Unable to ${what} network: ${error.message}`, 1, { cause: error });
  }
}

async function exists({ args, client, log }: DokkuCall): Promise<void> {
  await find(client, nameIn(takeOptions(args, {}).words));
  log.step('Network exists');
}

async function info({ args, client, log }: DokkuCall): Promise<void> {
  const { words, values } = takeOptions(args, { valued: ['format'] });
  const name = nameIn(words);
  const format = formatIn(values.format);
  const network = await find(client, name);
  if (format === 'json') {
    log.line(JSON.stringify(asJson(network)));
    return;
  }
  log.title(`${name} network information`);
  const lines = [
    ['ID:', shortId(network.Id)],
    ['Name:', network.Name],
    ['Driver:', network.Driver],
    ['Scope:', network.Scope],
    ['Dokku managed:', String(isManaged(network))],
  ] as const;
  for (const [label, value] of lines) log.verbose(label.padEnd(16) + value);
}

async function list({ args, client, log }: DokkuCall): Promise<void> {
  const { values, switches } = takeOptions(args, { valued: ['format'], switches: ['dokku-managed'] });
  const all = byName(await client.ask((docker) => docker.listNetworks(), networkRecords));
  const networks = switches.has('dokku-managed') ? all.filter(isManaged) : all;
  if (formatIn(values.format) === 'json') {
    log.line(JSON.stringify(networks.map(asJson)));
    return;
  }
  log.title('Networks');
  for (const { Name } of networks) log.line(Name);
}

function formatIn([format = 'text']: readonly string[] = []): 'json' | 'text' {
  if (format === 'json' || format === 'text') return format;
  throw new Failure('Invalid format specified, use either text or json');
}

function isManaged({ Labels }: NetworkRecord): boolean {
  return Labels?.[managedLabel] !== undefined;
}

function asJson(network: NetworkRecord) {
  return {
    CreatedAt: rfc3339Nano(network.Created),
    DokkuManaged: isManaged(network),
    Driver: network.Driver,
    ID: shortId(network.Id),
    Internal: network.Internal,
    IPv6: network.EnableIPv6,
    Labels: network.Labels ?? {},
    Name: network.Name,
    Scope: network.Scope,
  };
}

function nameIn([name = '']: readonly string[]): string {
  if (name === '') throw new Failure('No network name specified');
  return name;
}

/** By its full name only, as Dokku. */
async function find(client: Client, name: string): Promise<NetworkRecord> {
  const networks = await client.ask((docker) => docker.listNetworks(), networkRecords);
  const found = networks.find((network) => network.Name === name);
  if (!found) {
    const known = networks.map((network) => network.Name);
    throw new Failure('Network does not exist', 1, { unknown: { word: name, known } });
  }
  return found;
}
