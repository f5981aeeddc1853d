import type { FastifyRequest } from 'fastify';
import * as z from 'zod';
import { type Port, portSchema } from '../../cluster/records.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { parseBool } from '../../lib/go-bool.ts';
import type { NetworkSpec, PublishOptions } from '../../network/model.ts';
import { fitSchema, go } from '../go/json.ts';
import { bodyText, decodeJson } from '../http/body.ts';

const transportPort = go.object('types.TransportPort', { Proto: go.int(), Port: go.int() });
const ports = go.list(transportPort, '[]types.TransportPort');

const networkCreate = go.object('client.networkCreate', {
  name: go.text(),
  network_type: go.text(),
  options: z.record(z.string(), z.unknown(), { error: 'map[string]interface {}' }).nullish(),
  driver_opts: go.textMap(),
  network_opts: go.textMap(),
  ipv4_configuration: go.list(
    go.object('client.ipamConf', {
      PreferredPool: go.text(),
      SubPool: go.text(),
      Gateway: go.text(),
      AuxAddresses: go.textMap(),
    }),
    '[]client.ipamConf',
  ),
});
const publish = go.object('client.servicePublish', {
  ref: go.text(),
  name: go.text(),
  network_name: go.text(),
  shared: go.flag(),
  my_aliases: go.texts(),
  exposed_ports: ports,
});
/** `sandbox_id` is the last shape's; a container's id is its sandbox's. */
const attach = go.object('client.serviceAttach', {
  container_id: go.text(),
  sandbox_id: go.text(),
  aliases: go.texts(),
  /** Ours. */
  standby: go.flag(),
});
const remove = go.object('client.serviceDelete', { name: go.text(), force: go.flag() });

/** @throws invalid, in the words of 2015 */
function read<T extends z.ZodType>(request: FastifyRequest, schema: T, type: string): z.infer<T> {
  try {
    return fitSchema(schema, decodeJson(bodyText(request), 'unexpected end of JSON input'), type);
  } catch (error) {
    const message = messageOf(error).replace(/^unexpected EOF$/, 'unexpected end of JSON input');
    throw new FairleadError('invalid', `Invalid body: ${message}`, { cause: error });
  }
}

/** POST /networks. @throws invalid */
export function readNetworkCreate(request: FastifyRequest): NetworkSpec {
  const body = read(request, networkCreate, 'client.networkCreate');
  const [pool] = body.ipv4_configuration;
  return {
    name: body.name,
    driver: body.network_type,
    internal: networkFlag(body.network_opts, 'com.docker.network.internal'),
    ipv6: networkFlag(body.network_opts, 'com.docker.network.enable_ipv6'),
    options: { ...genericOptions(body.options ?? {}), ...body.driver_opts },
    ...(pool && {
      ipam: {
        config: [
          {
            ...(pool.PreferredPool && { subnet: pool.PreferredPool }),
            ...(pool.SubPool && { ipRange: pool.SubPool }),
            ...(pool.Gateway && { gateway: pool.Gateway }),
            auxAddresses: pool.AuxAddresses,
          },
        ],
      },
    }),
  };
}

/** 1.8's options are a free map; its driver options are the texts in it and below the generic key. */
function genericOptions(options: Readonly<Record<string, unknown>>): Record<string, string> {
  const { 'com.docker.network.generic': generic, ...rest } = options;
  const below = z.record(z.string(), z.unknown()).safeParse(generic).data ?? {};
  const texts = Object.entries({ ...rest, ...below }).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  );
  return fitSchema(go.textMap(), Object.fromEntries(texts), 'client.options');
}

function networkFlag(options: Readonly<Record<string, string>>, name: string): boolean {
  const value = options[name] ?? '';
  const flag = value === '' ? false : parseBool(value);
  if (flag !== undefined) return flag;
  throw new FairleadError('invalid', `strconv.ParseBool: parsing "${value}": invalid syntax`);
}

export interface PublishRequest {
  /** `SERVICE[.NETWORK]`; else name and network apart. */
  readonly ref: string;
  readonly name: string;
  /** Empty: the default network. */
  readonly network: string;
  readonly options: PublishOptions;
}

/** POST /services. @throws invalid */
export function readPublish(request: FastifyRequest): PublishRequest {
  const body = read(request, publish, 'client.servicePublish');
  return {
    ref: body.ref,
    name: body.name,
    network: body.network_name,
    options: { shared: body.shared, aliases: body.my_aliases, ports: body.exposed_ports.map(parsePort) },
  };
}

/** IANA protocol numbers. */
const protocols: Readonly<Record<number, Port['protocol']>> = { 6: 'tcp', 17: 'udp', 132: 'sctp' };

function parsePort({ Proto, Port }: z.infer<typeof transportPort>): Port {
  const parsed = portSchema.safeParse({ protocol: protocols[Proto], port: Port });
  if (parsed.success) return parsed.data;
  throw new FairleadError(
    'invalid',
    `invalid port ${Port} of protocol ${Proto}: expected 1 to 65535 and protocol 6 (tcp), 17 (udp) or 132 (sctp)`,
  );
}

/** The container of an attach or join. @throws invalid | unsupported */
export function readAttach(request: FastifyRequest): {
  readonly container: string;
  readonly standby: boolean;
} {
  const body = read(request, attach, 'client.serviceAttach');
  const ref = body.container_id || body.sandbox_id;
  if (ref === '') throw new FairleadError('invalid', 'invalid container id ');
  if (body.aliases.length > 0) {
    throw new FairleadError(
      'unsupported',
      'aliases for other containers are not supported: publish with my_aliases',
    );
  }
  return { container: ref, standby: body.standby };
}

/** The last shape's body of an unpublish; 1.8 sent none. @throws invalid */
export function readForce(request: FastifyRequest): boolean {
  return bodyText(request).trim() !== '' && read(request, remove, 'client.serviceDelete').force;
}
