import { parseAddress } from '../../../lib/addresses.ts';
import { FairleadError } from '../../../lib/errors.ts';
import type { Association, AssociationChanges, KeyedAssociation } from '../../associations.ts';
import { BatchError, batch, type Command, ip } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { listXfrm, requestId } from './xfrm.ts';

/** AES-GCM with a check value of 128 bits (RFC 4106), by the kernel's name. */
const cipher = 'rfc4106(gcm(aes))';

/** One process; keys are not asked for. */
export async function showAssociations(host: LinuxHost, tag: string): Promise<readonly Association[]> {
  const id = requestId(tag);
  const states = await listXfrm(host, 'state', 'list', 'nokeys', 'reqid', String(id));
  return states.flatMap(({ head, body }) => {
    const [, source, destination] = /^src (\S+) dst (\S+)/.exec(head) ?? [];
    const [, spi, reqid] = /^proto esp spi (0x[0-9a-f]+) reqid (\d+)/.exec(body) ?? [];
    // SPI 0: the kernel waits for an association, and makes a place for it.
    if (!source || !destination || Number(reqid) !== id || !Number(spi)) return [];
    return [{ source: parseAddress(source), destination: parseAddress(destination), spi: Number(spi) }];
  });
}

/** What can be done is done. @throws conflict where somebody else's has an SPI already */
export async function changeAssociations(
  host: LinuxHost,
  tag: string,
  { add, remove }: AssociationChanges,
): Promise<void> {
  const failure = await addAll(host, tag, add);
  await removeAll(host, tag, remove);
  if (!failure) return;
  // Not as the cause either: the failing line may hold a key.
  const kind = /File exists/.test(failure.reason) ? 'conflict' : 'internal';
  throw new FairleadError(kind, `IPsec associations: ${failure.reason}`);
}

/**
 * One process where all goes well. After a failure `ip xfrm` ends, `-force` or not, and says no line: those that are
 * there by then are done, and the first that is not there is the next, or the one that failed.
 */
async function addAll(
  host: LinuxHost,
  tag: string,
  add: readonly KeyedAssociation[],
): Promise<BatchError | undefined> {
  let failure: BatchError | undefined;
  for (let rest = add; rest.length > 0; ) {
    const error = await attempt(
      host,
      rest.map((one) => addition(requestId(tag), one)),
    );
    if (!error) break;
    const there = await namesThere(host, tag);
    const next = rest.findIndex((one) => !there.has(nameOf(one)));
    if (next === -1) break;
    if (next === 0) failure ??= error;
    rest = rest.slice(Math.max(next, 1));
  }
  return failure;
}

async function removeAll(host: LinuxHost, tag: string, remove: readonly Association[]): Promise<void> {
  for (let rest = remove; rest.length > 0; ) {
    const error = await attempt(host, rest.map(removal));
    if (!error) return;
    const there = await namesThere(host, tag);
    const left = rest.filter((one) => there.has(nameOf(one)));
    if (left.length === rest.length) throw error;
    rest = left;
  }
}

async function attempt(host: LinuxHost, commands: readonly Command[]): Promise<BatchError | undefined> {
  try {
    await batch(host, commands);
    return undefined;
  } catch (error) {
    if (error instanceof BatchError) return error;
    throw error;
  }
}

async function namesThere(host: LinuxHost, tag: string): Promise<ReadonlySet<string>> {
  return new Set((await showAssociations(host, tag)).map(nameOf));
}

function nameOf({ destination, spi }: Association): string {
  return `${destination} ${spi}`;
}

/**
 * Sequence numbers of 64 bits (RFC 4304): 32 would last an hour on a fast link. The window is for packets that
 * overtake each other on the way.
 */
function addition(id: number, { source, destination, spi, key }: KeyedAssociation): Command {
  const ends = ip`xfrm state add src ${source} dst ${destination} proto esp spi ${spi} reqid ${id}`;
  const rest = ip`mode transport replay-window 1024 flag esn aead ${cipher} ${`0x${key}`} 128`;
  return { words: [...ends.words, ...rest.words] };
}

function removal({ source, destination, spi }: Association): Command {
  return ip`xfrm state delete src ${source} dst ${destination} proto esp spi ${spi}`;
}
