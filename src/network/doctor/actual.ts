import { isKind } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import type { NetworkContext } from '../context.ts';
import type { Fact } from '../host/facts.ts';
import { associationFact, surveyFacts, tunnelFacts } from '../host/kernel-facts.ts';
import { networksHere, ownStacks, recordFact } from './expected.ts';

/** What the kernel of this host holds, and the stores of its containers; and what the firewall lacks. */
export async function actualFacts(
  parts: NetworkContext,
): Promise<{ facts: readonly Fact[]; missing: readonly string[] }> {
  const { dataplane, runtime } = parts;
  const stacks = ownStacks(parts);
  const survey = await dataplane.survey(stacks.map(({ id }) => id));
  const tunnels = await Promise.all(survey.vxlans.map(({ name }) => tunnelOf(parts, name)));
  const isEncrypted = survey.vxlans.some(({ encrypted }) => encrypted);
  const associations = isEncrypted ? await dataplane.associations() : [];
  const nameOf = (id: string) => runtime.get(id)?.name ?? shortId(id);
  const facts = [
    ...surveyFacts(survey, nameOf),
    ...tunnels.flat(),
    ...associations.map(associationFact),
    ...recordsOf(parts),
  ];
  const owners = ownersOf(parts);
  return {
    facts: facts.map((fact) => ({ ...fact, ...ownerOf(fact, owners) })),
    missing: survey.firewall.missing,
  };
}

/** Surplus of a network's device is that network's affair. */
function ownersOf(parts: NetworkContext): ReadonlyMap<string, string> {
  return new Map(
    networksHere(parts).flatMap((network) => {
      const names = parts.driverNamed(network.driver).interfaces?.(network) ?? [];
      return names.map((name) => [name, network.id] as const);
    }),
  );
}

function ownerOf({ what }: Fact, owners: ReadonlyMap<string, string>): { readonly network?: string } {
  const network = owners.get(what.slice(what.lastIndexOf(' ') + 1));
  return network === undefined ? {} : { network };
}

async function tunnelOf({ dataplane }: NetworkContext, name: string): Promise<Fact[]> {
  try {
    return tunnelFacts(name, await dataplane.tunnelEntries(name));
  } catch (error) {
    // It went between the two looks.
    if (isKind(error, 'not-found')) return [];
    throw error;
  }
}

function recordsOf(parts: NetworkContext): Fact[] {
  return ownStacks(parts).flatMap(({ attachments }) =>
    attachments.flatMap(({ endpoint, network }) => {
      const found = endpoint && parts.directory.endpointEntry(network, endpoint.id)?.record;
      if (!found) return [];
      const { containerId: id, containerName: name } = found;
      return [recordFact({ id, name }, network, found.id)];
    }),
  );
}
