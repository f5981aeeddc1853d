import { writeTable } from '../../output/fit.ts';
import { anything } from '../../output/values.ts';
import { appNames } from './app-list.ts';
import { appNamed, confirm, type DokkuCall, type DokkuCommand, pathOf } from './call.ts';
import { appStatus, nameRecords } from './records.ts';

/** `apps:*` of Dokku. */
export const appCommands: Readonly<Record<string, DokkuCommand>> = {
  'apps:create': create,
  'apps:destroy': destroy,
  'apps:exists': exists,
  'apps:list': list,
};

async function create({ args: [name], client, log }: DokkuCall): Promise<void> {
  const body = { name: appNamed(name) };
  await client.request('POST', '/apps', { body }, anything);
  log.step(`Creating ${body.name}...`);
}

async function destroy(call: DokkuCall): Promise<void> {
  const app = appNamed(call.args[0]);
  await call.client.request('GET', pathOf(app), {}, appStatus);
  await confirm(call, 'app', app);
  call.log.step(`Destroying ${app} (including all add-ons)`);
  await call.client.request('DELETE', pathOf(app), {}, anything);
}

async function exists({ args: [name], client }: DokkuCall): Promise<void> {
  await client.request('GET', pathOf(appNamed(name)), {}, appStatus);
}

async function list({ client, log }: DokkuCall): Promise<void> {
  log.title('My Apps');
  for (const name of await appNames(client, log)) log.line(name);
}

/** Ours: what an app's processes are called, and who answers. */
export async function names({ args: [name], client, shell }: DokkuCall): Promise<void> {
  const found = await client.request('GET', pathOf(appNamed(name), '/names'), {}, nameRecords);
  const rows = found.map((one) => [one.process, one.network, one.name, one.addresses.join(',')]);
  writeTable(['PROCESS', 'NETWORK', 'NAME', 'ADDRESSES'], rows, shell);
}
