import * as z from 'zod';
import { familyOf, isAddress, parseSubnet } from '../../../lib/addresses.ts';

/** The first packet of a flow. What is absent can be anything. */
export interface Packet {
  readonly in?: string;
  readonly out?: string;
  readonly family: 4 | 6;
  readonly source?: string;
  readonly destination?: string;
  readonly protocol?: 'udp' | 'tcp';
  readonly port?: number;
  /** A published port's rule has given it its destination. */
  readonly redirected?: boolean;
}

/**
 * `likely`: it holds for one of the interfaces that it can come or go by. `unknown`: it is about something that is
 * not known of the packet, or not understood here.
 */
export type Match = 'yes' | 'no' | 'likely' | 'unknown';

const matchSchema = z.object({
  op: z.string(),
  left: z.union([
    z.object({ meta: z.object({ key: z.string() }) }),
    z.object({ ct: z.object({ key: z.string() }) }),
    z.object({ payload: z.object({ protocol: z.string(), field: z.string() }) }),
  ]),
  right: z.unknown(),
});
export type Expression = z.infer<typeof matchSchema>['left'];

/** Of a `match` statement, in nft's JSON; `sets`: elements of those that it names. */
export function matches(
  statement: unknown,
  packet: Packet,
  sets: ReadonlyMap<string, readonly unknown[]>,
): Match {
  const { data } = matchSchema.safeParse(statement);
  if (!data) return 'unknown';
  const found = holds(data.left, valuesOf(data.right, sets), packet);
  if (data.op === '!=') return found === 'yes' ? 'no' : found === 'no' ? 'yes' : found;
  return data.op === '==' || data.op === 'in' ? found : 'unknown';
}

/** Whether the expression has one of the values. */
export function holds(left: Expression, values: readonly unknown[] | undefined, packet: Packet): Match {
  if (!values) return 'unknown';
  if ('meta' in left) return metaHolds(left.meta.key, values, packet);
  if ('ct' in left) return conntrackHolds(left.ct.key, values, packet);
  const { protocol, field } = left.payload;
  if (field === 'dport') {
    if (packet.port === undefined) return 'unknown';
    if (protocol !== 'th' && protocol !== packet.protocol) return 'no';
    return yesIf(values.some((value) => isPort(value, packet.port ?? 0)));
  }
  if (protocol !== (packet.family === 4 ? 'ip' : 'ip6')) return 'unknown';
  const address = { saddr: packet.source, daddr: packet.destination }[field];
  return address === undefined ? 'unknown' : yesIf(values.some((value) => covers(value, address)));
}

function metaHolds(key: string, values: readonly unknown[], packet: Packet): Match {
  if (key === 'iifname' || key === 'iif') return interfaceHolds(values, packet.in);
  if (key === 'oifname' || key === 'oif') return interfaceHolds(values, packet.out);
  if (key === 'nfproto') return yesIf(values.includes(`ipv${packet.family}`));
  if (key !== 'l4proto' || packet.protocol === undefined) return 'unknown';
  return yesIf(values.includes(packet.protocol));
}

function interfaceHolds(patterns: readonly unknown[], name: string | undefined): Match {
  const texts = patterns.filter((value) => typeof value === 'string');
  if (name === undefined) return texts.some((text) => text !== 'lo') ? 'likely' : 'no';
  return yesIf(
    texts.some((text) => (text.endsWith('*') ? name.startsWith(text.slice(0, -1)) : name === text)),
  );
}

function conntrackHolds(key: string, values: readonly unknown[], packet: Packet): Match {
  if (key === 'state') return yesIf(values.includes('new'));
  return key === 'status' && values.includes('dnat') ? yesIf(packet.redirected === true) : 'unknown';
}

const rangeSchema = z.object({ range: z.tuple([z.number(), z.number()]) });
const prefixSchema = z.object({ prefix: z.object({ addr: z.string(), len: z.number() }) });

function isPort(value: unknown, port: number): boolean {
  const { data } = rangeSchema.safeParse(value);
  return data ? data.range[0] <= port && port <= data.range[1] : value === port;
}

function covers(value: unknown, address: string): boolean {
  const { data } = prefixSchema.safeParse(value);
  if (!data) return value === address;
  if (!isAddress(data.prefix.addr) || familyOf(data.prefix.addr) !== familyOf(address)) return false;
  const [wide, narrow] = [
    parseSubnet(`${data.prefix.addr}/${data.prefix.len}`),
    parseSubnet(`${address}/${familyOf(address) === 4 ? 32 : 128}`),
  ];
  return wide.first <= narrow.first && narrow.last <= wide.last;
}

/** One, a list of flags, a set in place or a named one; undefined for what is none of these. */
function valuesOf(
  right: unknown,
  sets: ReadonlyMap<string, readonly unknown[]>,
): readonly unknown[] | undefined {
  if (typeof right === 'string' && right.startsWith('@')) return sets.get(right.slice(1));
  if (Array.isArray(right)) return right;
  const { data } = z.object({ set: z.array(z.unknown()) }).safeParse(right);
  return data ? data.set : [right];
}

function yesIf(condition: boolean): Match {
  return condition ? 'yes' : 'no';
}
