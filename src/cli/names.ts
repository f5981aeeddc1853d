import * as z from 'zod/mini';
import { withTimeout } from '../lib/with-timeout.ts';
import type { Client } from './client/client.ts';
import { listedContainers } from './commands/container/records.ts';
import { appRecords } from './commands/dokku/records.ts';
import { networkRecords } from './commands/network/records.ts';
import { nodeRecords } from './commands/node/records.ts';
import { listServices } from './commands/service/records.ts';
import type { NameKind } from './flags/takes.ts';

export interface Name {
  readonly name: string;
  /** What else to know of it, in a few words. */
  readonly note: string;
}

/** Somebody waits at a prompt: a daemon that takes longer has no names to offer. */
export const patienceMs = 300;

/** One quick call; a daemon that fails or is slow has none. */
export async function namesInTime(kind: NameKind, client: Client): Promise<readonly Name[]> {
  try {
    // Not before: loading the client takes its time, too, and asks nobody yet.
    await client.open();
    const asked = listOnce(kind, client);
    return (await withTimeout(asked, patienceMs)) ? await asked : [];
  } catch {
    return [];
  }
}

const lists = new WeakMap<Client, Map<NameKind, Promise<readonly Name[]>>>();

/** A command that fails for a hundred names asks once. */
function listOnce(kind: NameKind, client: Client): Promise<readonly Name[]> {
  const known = lists.get(client) ?? new Map<NameKind, Promise<readonly Name[]>>();
  lists.set(client, known);
  const listed = known.get(kind) ?? list[kind](client);
  known.set(kind, listed);
  return listed;
}

const drivers = z.object({ Plugins: z.object({ Network: z.array(z.string()) }) });

const list: Readonly<Record<NameKind, (client: Client) => Promise<readonly Name[]>>> = {
  app: async (client) => {
    const apps = await client.request('GET', '/apps', {}, appRecords);
    return apps.map(({ name, scale }) => ({ name, note: scaleText(scale) }));
  },
  container: (client) => containers(client, { all: 1 }),
  driver: async (client) => {
    const { Plugins } = await client.request('GET', '/info', {}, drivers);
    return Plugins.Network.map((name) => ({ name, note: '' }));
  },
  network: async (client) => {
    const networks = await client.request('GET', '/networks', {}, networkRecords);
    return networks.map(({ Name, Driver, Scope }) => ({ name: Name, note: `${Driver}, ${Scope}` }));
  },
  node: async (client) => {
    const nodes = await client.request('GET', '/fairlead/nodes', {}, nodeRecords);
    return nodes.map(({ name, advertise }) => ({ name, note: advertise }));
  },
  running: (client) => containers(client, {}),
  service: async (client) => {
    const services = await listServices(client, {});
    return services.map(({ name, network, providers }) => ({
      name: `${name}.${network}`,
      note: providers.map(({ container_name }) => container_name).join(', '),
    }));
  },
};

async function containers(
  client: Client,
  query: Readonly<Record<string, unknown>>,
): Promise<readonly Name[]> {
  const found = await client.request('GET', '/containers/json', { query }, listedContainers);
  return found.flatMap(({ Names: [name = ''], Image, Status }) =>
    name === '' ? [] : [{ name: name.replace(/^\//, ''), note: `${Image}, ${Status}` }],
  );
}

function scaleText(scale: Readonly<Record<string, number>>): string {
  return Object.entries(scale)
    .map(([type, count]) => `${type}=${count}`)
    .join(' ');
}
