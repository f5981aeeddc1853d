import { didYouMean, nearest } from '../lib/nearest.ts';
import type { Client } from './client/client.ts';
import type { Failure } from './failure.ts';
import type { NameKind } from './flags/takes.ts';
import { namesInTime } from './names.ts';

/** How the daemon, the CLI and Dokku say that a name names nothing: the name is the first group. */
const texts: readonly (readonly [text: RegExp, kinds: readonly NameKind[]])[] = [
  [/\bnetwork (\S+) not found/, ['network']],
  [/No such network: (\S+)/, ['network']],
  [/\bnetwork "([^"]+)" does not exist/, ['network']],
  [/No such container: (\S+)/, ['container']],
  [/\bcontainer (\S+) not found/, ['container']],
  [/No such object: (\S+)/, ['container', 'network']],
  [/plugin "([^"]+)" not found/, ['driver']],
  [/App (\S+) does not exist/, ['app']],
];
const service = /Service (\S+) not found on network (\S+)/;

/** What the user meant by the word that a failure is about. It asks the daemon at most for one list of each kind. */
export async function meantBy({ unknown, message }: Failure, client: Client): Promise<string> {
  if (unknown) return didYouMean(unknown.word, unknown.known);
  const [, name, network] = service.exec(message) ?? [];
  if (name !== undefined)
    return meantService(name, `${name}.${network}`, await namesInTime('service', client));
  for (const [text, kinds] of texts) {
    const [, word] = text.exec(message) ?? [];
    if (word === undefined) continue;
    const known = await Promise.all(kinds.map((kind) => namesInTime(kind, client)));
    return didYouMean(
      word,
      known.flat().map(({ name: one }) => one),
    );
  }
  return '';
}

/** A name that DNS has not: services with and without their network, and containers. */
export async function meantByName(name: string, client: Client): Promise<string> {
  const services = (await namesInTime('service', client)).map((one) => one.name);
  const short = services.map((full) => full.replace(/\.[^.]+$/, ''));
  const containers = (await namesInTime('container', client)).map((one) => one.name);
  return didYouMean(name, [...short, ...services, ...containers]);
}

/** A name without its network means the default one: what was meant may be the same, or nearly, on another. */
function meantService(name: string, full: string, services: readonly { readonly name: string }[]): string {
  const known = services.map((one) => one.name);
  const bare = nearest(
    name,
    known.map((one) => one.replace(/\.[^.]+$/, '')),
  );
  const elsewhere = bare && known.find((one) => one.startsWith(`${bare}.`));
  return (
    didYouMean(name, known) || didYouMean(full, known) || (elsewhere ? didYouMean(bare, [elsewhere]) : '')
  );
}
