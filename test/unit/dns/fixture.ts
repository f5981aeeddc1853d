import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { Packet } from 'dns2';
import type { Endpoint, Network } from '../../../src/cluster/records.ts';
import { Shares } from '../../../src/dns/askers/shares.ts';
import { Views } from '../../../src/dns/askers/views.ts';
import { Forwarder } from '../../../src/dns/forward/forwarder.ts';
import { UpstreamHealth } from '../../../src/dns/forward/upstream-health.ts';
import { Upstreams } from '../../../src/dns/forward/upstreams.ts';
import { type Arrival, QueryHandler } from '../../../src/dns/listeners/query-handler.ts';
import { Counters } from '../../../src/dns/metrics.ts';
import { type NameSource, NameTable } from '../../../src/dns/names/name-table.ts';
import { silentLogger } from '../../../src/lib/log.ts';

/** The little of a directory that DNS sees, changed by hand. */
export class FakeNames implements NameSource {
  readonly #networks = new Map<string, Network>();
  readonly #endpoints = new Map<string, Endpoint[]>();
  readonly #listeners = new Set<(ids: ReadonlySet<string>) => void>();

  networks(): readonly Network[] {
    return [...this.#networks.values()];
  }

  network(id: string): Network | undefined {
    return this.#networks.get(id);
  }

  endpointsOf(networkId: string): readonly Endpoint[] {
    return this.#endpoints.get(networkId) ?? [];
  }

  subscribe(listener: (ids: ReadonlySet<string>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  set(network: Network, endpoints: readonly Endpoint[], announce = true): void {
    this.#networks.set(network.id, network);
    this.#endpoints.set(network.id, [...endpoints]);
    if (announce) this.#tell(network.id);
  }

  remove(network: Network): void {
    this.#networks.delete(network.id);
    this.#endpoints.delete(network.id);
    this.#tell(network.id);
  }

  #tell(id: string): void {
    for (const listener of this.#listeners) listener(new Set([id]));
  }
}

const nodeId = 'f'.repeat(64);
let counter = 0;

/** Ids count up, so that tests can rely on their order. */
export function nextId(prefix = ''): string {
  counter++;
  return `${prefix}${counter.toString(16).padStart(12 - prefix.length, '0')}`.padEnd(64, '0');
}

export function makeNetwork(name: string, ...subnets: readonly string[]): Network {
  return {
    id: nextId(),
    name,
    driver: 'bridge',
    scope: 'local',
    created: '2024-01-01T00:00:00.000000000Z',
    internal: false,
    attachable: false,
    ipv6: subnets.some((subnet) => subnet.includes(':')),
    ipam: {
      driver: 'default',
      options: {},
      pools: subnets.map((subnet) => ({ subnet, gateway: subnet.replace(/0\/\d+$/, '1'), auxAddresses: {} })),
    },
    options: {},
    labels: {},
  };
}

type EndpointFields = Partial<Endpoint> & { readonly name: string };

export function makeEndpoint(network: Network, fields: EndpointFields): Endpoint {
  const id = nextId();
  return {
    id,
    networkId: network.id,
    nodeId,
    containerId: nextId('c'),
    containerName: fields.name,
    created: `2024-01-01T00:00:00.${id.slice(0, 12)}Z`,
    aliases: [],
    ports: [],
    healthy: true,
    ...fields,
  };
}

export interface QuestionFields {
  readonly id?: number;
  readonly type?: number;
  readonly class?: number;
  readonly flags?: number;
  /** UDP size: adds an OPT record. */
  readonly edns?: number;
  readonly ednsVersion?: number;
  readonly ednsFlags?: number;
  readonly options?: Buffer;
}

export function wireName(name: string): Buffer {
  const labels = name === '.' || name === '' ? [] : name.replace(/\.$/, '').split('.');
  const parts = labels.map((label) =>
    Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]),
  );
  return Buffer.concat([...parts, Buffer.from([0])]);
}

/** A query, spelled octet by octet. */
export function makeQuery(name: string, fields: QuestionFields = {}): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(fields.id ?? 0x1234, 0);
  header.writeUInt16BE(fields.flags ?? 0x0100, 2);
  header.writeUInt16BE(1, 4);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(fields.type ?? 1, 0);
  tail.writeUInt16BE(fields.class ?? 1, 2);
  const parts = [header, wireName(name), tail];
  if (fields.edns !== undefined) {
    header.writeUInt16BE(1, 10);
    parts.push(makeOpt(fields));
  }
  return Buffer.concat(parts);
}

function makeOpt({
  edns = 0,
  ednsVersion = 0,
  ednsFlags = 0,
  options = Buffer.alloc(0),
}: QuestionFields): Buffer {
  const opt = Buffer.alloc(11);
  opt.writeUInt16BE(41, 1);
  opt.writeUInt16BE(edns, 3);
  opt.writeUInt8(ednsVersion, 6);
  opt.writeUInt16BE(ednsFlags, 7);
  opt.writeUInt16BE(options.length, 9);
  return Buffer.concat([opt, options]);
}

export function clientSubnet(address: readonly number[], prefix = address.length * 8, family = 1): Buffer {
  const option = Buffer.from([0, 8, 0, 4 + address.length, 0, family, prefix, 0, ...address]);
  return option;
}

export interface Reply {
  readonly rcode: number;
  readonly flags: ReadonlySet<string>;
  /** Answers as text: `NAME TTL TYPE DATA`, sorted only where a test says so. */
  readonly answers: readonly string[];
  readonly authorities: readonly string[];
  readonly additionals: readonly string[];
  readonly size: number;
}

const flagBits = { qr: 0x8000, aa: 0x400, tc: 0x200, rd: 0x100, ra: 0x80, ad: 0x20, cd: 0x10 };

/** Taken apart by dns2, which knows nothing of our encoder. */
export function readReply(reply: Buffer): Reply {
  const packet = Packet.parse(reply);
  const word = reply.readUInt16BE(2);
  const flags = Object.entries(flagBits).flatMap(([name, bit]) => (word & bit ? [name] : []));
  return {
    rcode: word & 15,
    flags: new Set(flags),
    answers: packet.answers.map(recordText),
    authorities: packet.authorities.map(recordText),
    additionals: packet.additionals.map(recordText),
    size: reply.length,
  };
}

const typeNames = new Map(Object.entries(Packet.TYPE).map(([name, type]) => [type as number, name]));

function recordText(record: InstanceType<typeof Packet.Resource>): string {
  const { name, ttl, type, address, domain, primary, target, port, class: size } = record;
  if (type === Packet.TYPE.EDNS) return `OPT ${size}`;
  const data = address ?? domain ?? primary ?? `${port} ${target}`;
  return `${name || '.'} ${ttl} ${typeNames.get(type) ?? type} ${data}`;
}

/**
 * Node runs timers before it looks at its sockets: a process that stood still for longer than the wait, on a busy
 * machine, finds the answer that has been there all the time only after that.
 */
export function giveUpAfter(milliseconds: number, giveUp: () => void): NodeJS.Timeout {
  return setTimeout(() => setImmediate(giveUp), milliseconds);
}

/** One datagram there and one back; undefined when nothing came in time. */
export async function askUdp(
  packet: Buffer,
  to: { readonly address: string; readonly port: number },
  options: { readonly from?: string; readonly waitMs?: number } = {},
): Promise<Buffer | undefined> {
  const socket = createSocket('udp4');
  try {
    await new Promise<void>((resolve) =>
      socket.bind({ address: options.from ?? '127.0.0.1', port: 0 }, resolve),
    );
    return await new Promise((resolve) => {
      const timer = giveUpAfter(options.waitMs ?? 3000, () => resolve(undefined));
      socket.on('message', (reply) => {
        clearTimeout(timer);
        resolve(reply);
      });
      socket.send(packet, to.port, to.address);
    });
  } finally {
    socket.close();
  }
}

/** Sends octets as they are, gathers whole messages until `count` came or the connection closed. */
export function askTcp(
  octets: Buffer,
  to: { readonly address: string; readonly port: number },
  count = 1,
): Promise<Buffer[]> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: to.address, port: to.port });
    const messages: Buffer[] = [];
    let received = Buffer.alloc(0);
    socket.on('error', reject);
    socket.on('close', () => resolve(messages));
    socket.on('connect', () => socket.write(octets));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      while (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) {
        const end = 2 + received.readUInt16BE(0);
        messages.push(received.subarray(2, end));
        received = received.subarray(end);
      }
      if (messages.length >= count) socket.destroy();
    });
  });
}

export function frame(packet: Buffer): Buffer {
  const size = Buffer.alloc(2);
  size.writeUInt16BE(packet.length);
  return Buffer.concat([size, packet]);
}

/** Polls until the condition holds, at most five seconds. */
export async function eventually<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + 5000;
  for (;;) {
    const value = await probe();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > deadline) throw new Error('the condition did not come true within 5 s');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Where a packet came in, and from which address. */
export type Asked = Arrival & { readonly from: string };

/** A query handler without sockets, and what it would have sent. */
export function makeHandler(names: FakeNames, settings: { readonly ttl?: number } = {}) {
  const counters = new Counters();
  const table = new NameTable(names);
  const health = new UpstreamHealth(() => {});
  const upstreams = new Upstreams([], () => false, health);
  const forwarder = new Forwarder(
    upstreams,
    new Shares({ total: 64, perAsker: 8 }),
    {},
    counters,
    silentLogger,
  );
  const options = { ttl: settings.ttl ?? 5, forwardSingleLabel: false };
  const views = new Views(table);
  const handler = new QueryHandler({ table, views, forwarder, counters, options, log: silentLogger });
  /** Nothing for what is forwarded. */
  const answer = (packet: Buffer, { from, ...arrival }: Asked): Buffer | undefined => {
    const reply = handler.handle(packet, from, arrival);
    return reply instanceof Promise ? undefined : reply;
  };
  return { answer, handler, counters };
}
