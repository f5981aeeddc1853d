import { Packet } from 'dns2';
import { type Asker, mayForward } from './askers/asker.ts';
import type { Forwarder } from './forward/forwarder.ts';
import { ownerOf } from './names/dump.ts';
import type { NameTable } from './names/name-table.ts';
import { type Outcome, type ResponderOptions, resolve } from './names/responder.ts';
import type { Host, Zone } from './names/zone.ts';
import { replyToGarbage } from './wire/answer.ts';
import { keyOf, labelsOf } from './wire/labels.ts';
import { parseQuery } from './wire/question.ts';
import { headerBits, rcodeName, rcodes } from './wire/wire.ts';

/** What an asker gets for a name, with who is behind it: what `probe` shows. */
export interface Lookup {
  /** As text: `NXDOMAIN`. */
  readonly rcode: string;
  /** The answer is an upstream server's. */
  readonly forwarded: boolean;
  /** An upstream server would be asked, if the asker were not on internal networks only. */
  readonly denied?: true;
  readonly answers: readonly LookupAnswer[];
  /** The networks that were searched, in order. */
  readonly searched: readonly string[];
}

export interface LookupAnswer {
  readonly address: string;
  /** Absent when an upstream server said so, or when it is the asker's own host (localhost). */
  readonly found?: FoundHost;
}

export interface FoundHost {
  readonly owner: string;
  readonly network: string;
  readonly container: string;
  readonly containerId: string;
  readonly nodeId: string;
}

export interface LookupParts {
  readonly table: NameTable;
  readonly forwarder: Forwarder;
  readonly options: ResponderOptions;
}

/** Goes through the same steps as a query; only what is not ours waits, for the upstream servers. */
export async function lookupIn(asker: Asker, name: string, parts: LookupParts): Promise<Lookup> {
  const { view } = asker;
  const searched = view.zones.map(({ network }) => network.name);
  const labels = labelsOf(name.toLowerCase());
  if (!labels) return { rcode: 'FORMERR', forwarded: false, answers: [], searched };
  const outcome = resolve({ labels, key: keyOf(labels) }, view, parts.table, parts.options);
  if (outcome.kind === 'forward') {
    const found = await askUpstream(name, asker, parts.forwarder);
    return mayForward(asker)
      ? { ...found, searched }
      : { ...found, forwarded: false, denied: true, searched };
  }
  const rcode = rcodeName(outcome.kind === 'no-name' ? rcodes.NXDOMAIN : rcodes.NOERROR);
  return { rcode, forwarded: false, answers: answersIn(outcome), searched };
}

function answersIn(outcome: Outcome): readonly LookupAnswer[] {
  if (outcome.kind === 'loopback') return [{ address: '127.0.0.1' }, { address: '::1' }];
  return outcome.kind === 'hosts' ? outcome.hosts.flatMap((host) => answersOf(host, outcome.zone)) : [];
}

function answersOf(host: Host, { network }: Zone): readonly LookupAnswer[] {
  const { containerName, containerId, nodeId } = host.endpoint;
  const found = {
    owner: ownerOf(host),
    network: network.name,
    container: containerName,
    containerId,
    nodeId,
  };
  return [host.ipv4, host.ipv6].flatMap((address) => (address ? [{ address, found }] : []));
}

/** A person waits for this one, so dns2 may encode the question and take the answer apart. */
async function askUpstream(
  name: string,
  asker: Asker,
  forwarder: Forwarder,
): Promise<Omit<Lookup, 'searched'>> {
  const packet = new Packet();
  packet.header = new Packet.Header({ id: 0, rd: 1 });
  packet.questions.push(new Packet.Question(name, Packet.TYPE.A, Packet.CLASS.IN));
  const query = parseQuery(packet.toBuffer());
  const reply =
    typeof query === 'object'
      ? await forwarder.forward(query, { transport: 'tcp', echoSubnet: false }, asker)
      : replyToGarbage(packet.toBuffer(), rcodes.FORMERR);
  const answers = Packet.parse(reply).answers.flatMap(({ address }) => (address ? [{ address }] : []));
  return { rcode: rcodeName(reply.readUInt16BE(2) & headerBits.rcode), forwarded: true, answers };
}
