import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod/mini';
import { defaultDataRoot } from '../../../lib/data-root.ts';
import { messageOf } from '../../../lib/errors.ts';
import type { Client } from '../../client/client.ts';
import { clientFor } from '../../client/endpoint.ts';
import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';
import { text, toggle } from '../../flags/spec.ts';
import { confirmed } from '../../output/prompt.ts';
import type { Shell } from '../../shell.ts';
import { type InfoRecord, infoRecord } from '../system/info-record.ts';
import { startOwnDaemon } from '../tour/daemon-process.ts';
import { isStillOurs } from './link.ts';
import { LinkRecord } from './link-record.ts';
import { ownPrograms, removalCommand } from './programs.ts';
import { endDaemon, requireFreeNetworks, stopContainers } from './take-down.ts';

const warning =
  'WARNING! This stops the daemon and every container that it runs, and takes back what they made on this host.';

export const uninstall = command({
  synopsis: '',
  description: 'Stop the daemon and its containers, and remove everything they created on this host',
  args: [0, 0],
  flags: {
    'config-file': text("The daemon's configuration file", { shown: '/etc/fairlead/fairlead.json' }),
    'data-root': text("The daemon's data root, if it is not running"),
    purge: toggle('Also remove the data root: networks, services, records of containers'),
    force: toggle('Do not prompt for confirmation', { short: 'f' }),
  },
  async run({ flags, client, shell }) {
    if (!flags.force && !(await confirmed(warning, shell))) return 0;
    const tell = (line: string) => shell.stdout.write(`${line}\n`);
    const place = await findPlace(flags, shell);
    const running = await reach(client);
    const dataRoot = running?.info.Fairlead.dataRoot || place.dataRoot;
    if (running) await endRunning(running, tell);
    if (existsSync(join(dataRoot, 'node-id')) && (!running || running.info.Fairlead.mode === 'engine'))
      await takeBack({ ...place, dataRoot }, shell, tell);
    await removeLinks(new LinkRecord(shell), tell);
    await leaveData(dataRoot, flags.purge, tell);
    // Debian's package removes itself, and this is a step of that.
    if (!shell.env.DPKG_MAINTSCRIPT_PACKAGE) tell(`the program itself: ${removalCommand()}`);
  },
});

interface Place {
  readonly configFile: string | undefined;
  readonly dataRoot: string;
}

const usualConfigFile = '/etc/fairlead/fairlead.json';
const configured = z.object({ 'data-root': z.optional(z.string()) });

async function findPlace(
  flags: { readonly 'config-file': string; readonly 'data-root': string },
  { env, uid }: Shell,
): Promise<Place> {
  const usual = uid === 0 && existsSync(usualConfigFile) ? usualConfigFile : undefined;
  const configFile = flags['config-file'] || usual;
  const inFile = configFile === undefined ? {} : await readConfig(configFile);
  const dataRoot =
    flags['data-root'] || inFile['data-root'] || defaultDataRoot({ env, uid, home: homedir() });
  return { configFile, dataRoot };
}

async function readConfig(file: string): Promise<z.infer<typeof configured>> {
  try {
    return configured.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    throw new Failure(`config file ${file}: ${messageOf(error)}`);
  }
}

interface Running {
  readonly client: Client;
  readonly info: InfoRecord;
}

async function reach(client: Client): Promise<Running | undefined> {
  try {
    return { client, info: await client.ask((docker) => docker.info(), infoRecord) };
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

type Tell = (line: string) => void;

/** A daemon that ends where nothing runs leaves nothing in the kernel; beside an Engine others run. */
async function endRunning({ client, info }: Running, tell: Tell): Promise<void> {
  await emptyHost({ client, info }, tell);
  tell(`stopped the daemon: ${await endDaemon(info)}`);
}

async function emptyHost({ client, info }: Running, tell: Tell): Promise<void> {
  const { engine, engineState } = info.Fairlead;
  if (engine !== undefined && engineState !== undefined) {
    const client = clientFor({ host: engine, tls: {} }, { env: {}, uid: undefined, program: 'fairlead' });
    const left = await requireFreeNetworks(client, engineState.plugin);
    if (left.length > 0)
      tell(`left in the Docker Engine, where they are names only: networks ${left.join(', ')}`);
    return;
  }
  const stopped = await stopContainers(client);
  if (stopped > 0) tell(`stopped ${stopped} container${stopped === 1 ? '' : 's'}`);
}

/** What a daemon that is not there any more has left is known to the next one that has its data root. */
async function takeBack({ configFile, dataRoot }: Place, shell: Shell, tell: Tell): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-uninstall-'));
  const host = `unix://${join(folder, 'fairlead.sock')}`;
  const config = configFile === undefined ? [] : ['--config-file', configFile];
  const places = ['--data-root', dataRoot, '--host', host, '--dns-listen', 'none', '--log-level', 'warn'];
  const start = (flags: readonly string[]) =>
    startOwnDaemon(join(ownPrograms(), 'fairlead'), [...config, ...places, ...flags]);
  try {
    const client = clientFor({ host, tls: {} }, shell);
    const child = await start([]);
    const info = await client.ask((docker) => docker.info(), infoRecord);
    try {
      await emptyHost({ client, info }, tell);
    } finally {
      await child.stop();
    }
    // Beside an Engine, whose containers never end for us, only this one takes its devices along.
    if (info.Fairlead.mode === 'engine') await (await start(['--ephemeral'])).stop();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  tell('took back what the daemon had made: devices, namespaces, rules');
}

async function removeLinks(record: LinkRecord, tell: Tell): Promise<void> {
  for (const path of await record.read()) {
    if (!(await isStillOurs(path))) continue;
    await rm(path);
    tell(`removed ${path}`);
  }
  await record.forget();
}

async function leaveData(dataRoot: string, purge: boolean, tell: Tell): Promise<void> {
  // Somebody's folder that was named by mistake has no such file.
  if (!existsSync(join(dataRoot, 'node-id'))) return;
  if (!purge) {
    tell(`left: ${dataRoot} (networks, services, records of containers); --purge removes it, too`);
    return;
  }
  await rm(dataRoot, { recursive: true, force: true });
  tell(`removed ${dataRoot}`);
}
