import type { StoreStatus } from '../../../kvstore/store.ts';
import type { Network } from '../../cluster/records.ts';
import type { ListenerStatus } from '../../dns/listeners/listeners.ts';
import { lookup } from '../../lib/lookup.ts';
import { driverOf, type NetworkContext } from '../context.ts';
import { compare, type Difference, describe, type Fact } from '../host/facts.ts';
import { dnsGateways } from '../host/gateway.ts';
import { firewallFacts } from '../host/kernel-facts.ts';
import type { Peers } from '../host/peers.ts';
import type { Diagnosis, Doctor } from '../model.ts';
import { actualFacts } from './actual.ts';
import { expectedFacts, networksHere } from './expected.ts';

export interface DoctorDeps {
  readonly parts: NetworkContext;
  readonly peers: Peers;
  /** Makes all of the kernel match the records, whatever was there. */
  readonly repair: () => Promise<void>;
  readonly listeners: () => Promise<readonly ListenerStatus[]>;
  /** Of what whoever runs the containers has changed without being asked. */
  readonly missing: () => readonly Fact[];
}

export function createDoctor(deps: DoctorDeps): Doctor {
  return {
    obstacles: () => deps.parts.dataplane.obstacles(),
    async examine(networkRef, { repair = false } = {}) {
      const networks = deps.parts.directory.networks();
      const only = networkRef === undefined ? undefined : lookup('network', networkRef, networks);
      const first = await look(deps, only);
      // After a repair: rules of ours that were missing are what another's chain dropped packets for.
      const toReport = async (repaired: readonly Difference[]) =>
        withObstacles(report(first, new Set(repaired), networks), await deps.parts.dataplane.obstacles());
      if (!repair || first.differences.length === 0) return await toReport([]);
      await deps.repair();
      const left = new Set((await look(deps, only)).differences.map(({ what }) => what));
      return await toReport(first.differences.filter(({ what }) => !left.has(what)));
    },
  };
}

interface Look {
  readonly checked: number;
  readonly differences: readonly Difference[];
}

async function look(deps: DoctorDeps, only: Network | undefined): Promise<Look> {
  const { parts, peers } = deps;
  const [kernel, actual] = [await expectedFacts(parts, peers), await actualFacts(parts)];
  const listeners = await deps.listeners();
  const expected = [
    ...deps.missing(),
    ...kernel,
    ...firewallFacts(actual.missing),
    ...serviceFacts(parts, listeners),
  ];
  const differences = compare(expected, [...actual.facts, ...actualServices(parts, listeners)]);
  // What is left from before the daemon's start is spared for a while (peers.ts).
  const grave = peers.settling ? differences.filter((one) => !isSpared(one)) : differences;
  return { checked: expected.length, differences: grave.filter((one) => concerns(one, only)) };
}

function concerns({ network }: Difference, only: Network | undefined): boolean {
  return only === undefined || network === undefined || network === only.id;
}

function isSpared({ what, expected }: Difference): boolean {
  return expected === undefined && / of fl[0-9a-f]{4}x/.test(what);
}

/** DNS on each gateway, and the stores. */
function serviceFacts(parts: NetworkContext, listeners: readonly ListenerStatus[]): Fact[] {
  // Where no packet moves there is no gateway to listen on.
  const kernel = parts.dataplane.kind === 'linux' ? networksHere(parts) : [];
  const own = kernel.filter((network) => !driverOf(parts, network).apartFromHost);
  const gateways = own.flatMap((network) =>
    dnsGateways(network).map((gateway) => ({ gateway, id: network.id })),
  );
  const host = listeners.filter(({ networkId }) => networkId === undefined);
  return [
    ...gateways.map(({ gateway, id }) => ({ ...dnsFact(gateway, 53, 'listening'), network: id })),
    ...host.map(({ address, port }) => dnsFact(address, port, 'listening')),
    ...storesOf(parts).map(({ name }) => ({ what: `store ${name}`, value: 'reachable' })),
  ];
}

function actualServices(parts: NetworkContext, listeners: readonly ListenerStatus[]): Fact[] {
  return [
    ...listeners.map(({ address, port, state, reason, networkId }) => ({
      ...dnsFact(address, port, reason === undefined ? state : `${state} (${reason})`),
      ...(networkId === undefined ? {} : { network: networkId }),
    })),
    ...storesOf(parts).map((store) => ({ what: `store ${store.name}`, value: storeState(store) })),
  ];
}

function dnsFact(address: string, port: number, value: string): Fact {
  return { what: `dns listener ${address} port ${port}`, value };
}

function storesOf({ directory }: NetworkContext): readonly StoreStatus[] {
  const all = [directory.status('local'), directory.status('global')];
  return all.filter(({ name }, i) => all.findIndex((other) => other.name === name) === i);
}

function storeState({ reachable, since, reason, degraded }: StoreStatus): string {
  if (reachable) return degraded === undefined ? 'reachable' : `degraded: ${degraded}`;
  return `unreachable since ${new Date(since).toISOString()}${reason ? ` (${reason})` : ''}`;
}

/** What others keep from us is theirs to change: no repair of ours touches it. */
function withObstacles({ checked, findings }: Diagnosis, obstacles: readonly string[]): Diagnosis {
  return { checked, findings: [...findings, ...obstacles.map((text) => ({ text, repaired: false }))] };
}

function report(
  { checked, differences }: Look,
  repaired: ReadonlySet<Difference>,
  networks: readonly Network[],
): Diagnosis {
  const nameOf = (id: string | undefined) => networks.find((network) => network.id === id)?.name;
  const findings = differences.map((difference) => {
    const network = nameOf(difference.network);
    return {
      text: describe(difference),
      ...(network === undefined ? {} : { network }),
      repaired: repaired.has(difference),
    };
  });
  return { checked, findings };
}
