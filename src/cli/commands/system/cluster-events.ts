import { createInterface } from 'node:readline';
import * as z from 'zod/mini';
import { shortId } from '../../../lib/ids.ts';
import { parseJson } from '../../../lib/json.ts';
import { visible } from '../../../lib/plain-text.ts';
import type { Client } from '../../client/client.ts';
import { openStream } from '../../client/streams.ts';
import { UsageError } from '../../failure.ts';
import { parseTime } from '../../flags/time.ts';
import type { Shell } from '../../shell.ts';
import { lineWriter } from './events.ts';

interface Wish {
  readonly filter: readonly string[];
  readonly format: string;
  readonly since: string;
  readonly until: string;
  readonly shell: Shell;
  readonly client: Client;
}

const kinds = ['node', 'network', 'service', 'endpoint'] as const;
const named = z.object({ id: z.string(), name: z.string() });
const snapshot = z.object({ networks: z.array(named) });

const change = z.object({
  action: z.string(),
  time: z.string(),
  node: z.optional(z.looseObject({ ...named.shape, state: z.string() })),
  network: z.optional(z.looseObject({ ...named.shape, driver: z.string() })),
  service: z.optional(z.looseObject({ ...named.shape, network: z.string(), providers: z.array(z.string()) })),
  endpoint: z.optional(
    z.looseObject({
      ...named.shape,
      network: z.string(),
      nodeName: z.string(),
      containerName: z.string(),
      ipv4: z.optional(z.string()),
      healthy: z.boolean(),
    }),
  ),
});

/** `events --cluster`: what comes after the snapshot, one line each. */
export async function clusterEvents({ filter, format, since, until, shell, client }: Wish): Promise<void> {
  if (since !== '') throw new UsageError('--cluster shows what comes from now on: it takes no --since');
  const wanted = wantedKinds(filter);
  const networks = new Map<string, string>();
  const write = lineWriter(format, (line) => changeLine(change.parse(parseJson(line)), networks));
  const query = until === '' ? {} : { until: parseTime('until', until) };
  const stream = await openStream(client, '/fairlead/watch', query);
  let kind = '';
  for await (const line of createInterface({ input: stream })) {
    if (line.startsWith('event: ')) kind = line.slice('event: '.length);
    if (!line.startsWith('data: ')) continue;
    const json = line.slice('data: '.length);
    note(kind, json, networks);
    if (wanted.has(kind)) shell.stdout.write(Buffer.from(`${write(json)}\n`));
  }
}

/** Of the filters of `events`, the one that means something here. */
function wantedKinds(filter: readonly string[]): ReadonlySet<string> {
  const wanted = filter.map((each) => {
    const [key, value = ''] = each.split('=');
    if (key === 'type' && kinds.some((kind) => kind === value)) return value;
    throw new UsageError(`"${each}" is no filter of --cluster: expected type=${kinds.join(', type=')}`);
  });
  return new Set(wanted.length > 0 ? wanted : kinds);
}

/** Keeps the names that ids stand for. */
function note(kind: string, json: string, networks: Map<string, string>): void {
  if (kind === 'snapshot') {
    networks.clear();
    for (const { id, name } of snapshot.parse(parseJson(json)).networks) networks.set(id, name);
  } else if (kind === 'network') {
    const { network } = change.parse(parseJson(json));
    if (network) networks.set(network.id, network.name);
  }
}

/** `2026-11-21T21:26:21.745Z endpoint created <id> (name=db, network=foo, …)`, as `events` writes them. */
function changeLine(
  { action, time, node, network, service, endpoint }: z.infer<typeof change>,
  networks: ReadonlyMap<string, string>,
): string {
  const networkName = (id: string) => networks.get(id) ?? shortId(id);
  const line = (kind: string, id: string, attributes: Readonly<Record<string, string>>) => {
    const texts = Object.entries(attributes).map(([key, value]) => `${key}=${value}`);
    return visible(`${time} ${kind} ${action} ${id} (${texts.join(', ')})`);
  };
  if (node) return line('node', node.id, { name: node.name, state: node.state });
  if (network) return line('network', network.id, { name: network.name, type: network.driver });
  if (service)
    return line('service', service.id, {
      name: service.name,
      network: networkName(service.network),
      providers: String(service.providers.length),
    });
  if (!endpoint) return visible(`${time} ${action}`);
  const { id, name, containerName, nodeName, ipv4, healthy } = endpoint;
  return line('endpoint', id, {
    ...{ name, container: containerName, node: nodeName, network: networkName(endpoint.network) },
    ...(ipv4 === undefined ? {} : { address: ipv4 }),
    ...(healthy ? {} : { healthy: 'false' }),
  });
}
