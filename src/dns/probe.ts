import type { Directory } from '../cluster/directory.ts';
import type { Container } from '../container/container.ts';
import type { Runtime } from '../container/runtime.ts';
import type { Dataplane } from '../dataplane/dataplane.ts';
import { lookup } from '../lib/lookup.ts';
import type { Dns } from './dns.ts';
import type { FoundHost, Lookup } from './lookup-as.ts';

export interface Probe {
  /** What does the container get when it asks for the name, and can it reach what it gets? */
  probe(containerRef: string, name: string): Promise<ProbeReport>;
}

export interface ProbeReport {
  readonly container: string;
  readonly name: string;
  /** `no-way-out`: the container is on internal networks only, so no upstream server is asked. */
  readonly verdict: 'answered' | 'no-such-name' | 'no-address' | 'forwarded' | 'no-way-out';
  /** The RCODE as text: `NOERROR`, `NXDOMAIN`. */
  readonly rcode: string;
  /** Who answers: one line per address. */
  readonly answers: readonly ProbeAnswer[];
  /** In one line: why there is no answer. */
  readonly reason?: string;
}

export interface ProbeAnswer {
  readonly address: string;
  readonly network: string;
  /** `service my-service` or `container c1`. */
  readonly owner: string;
  readonly container: string;
  readonly node: string;
  readonly reachable: boolean;
  readonly path: readonly string[];
  readonly reason?: string;
}

export interface ProbeParts {
  readonly directory: Pick<Directory, 'nodes'>;
  readonly dns: Pick<Dns, 'lookupAs'>;
  readonly runtime: Pick<Runtime, 'list' | 'sandboxOf' | 'namespaceOf'>;
  readonly dataplane: Pick<Dataplane, 'reach'>;
}

export function createProbe(parts: ProbeParts): Probe {
  return {
    async probe(containerRef, name) {
      const containers = parts.runtime.list();
      const container = lookup('container', containerRef, containers);
      const found = await parts.dns.lookupAs(stackOwner(container, containers), name);
      const answers = await Promise.all(
        found.answers.flatMap(({ address, found: host }) =>
          host ? [tryToReach(parts, container, address, host)] : [],
        ),
      );
      const reason = reasonOf(container, name, found);
      return {
        container: container.name,
        name,
        verdict: verdictOf(found),
        rcode: found.rcode,
        answers,
        ...(reason !== undefined && { reason }),
      };
    },
  };
}

/** Whose addresses it asks from: with `--network container:…` another's, who may share with a third. */
function stackOwner(container: Container, containers: readonly Container[]): string {
  let owner = container;
  for (let hops = 0; hops < containers.length; hops += 1) {
    const { networkMode } = owner.spec;
    const next =
      networkMode.kind === 'container' && containers.find(({ id }) => id === networkMode.containerId);
    if (!next) break;
    owner = next;
  }
  return owner.id;
}

async function tryToReach(
  { directory, dataplane, runtime }: ProbeParts,
  from: Container,
  address: string,
  { owner, network, container, nodeId }: FoundHost,
): Promise<ProbeAnswer> {
  const node = directory.nodes().find(({ id }) => id === nodeId)?.name ?? nodeId.slice(0, 12);
  const answer = { address, network, owner, container, node };
  if (from.state.status !== 'running') {
    return { ...answer, reachable: false, path: [], reason: `${from.name} is not running` };
  }
  const place = runtime.namespaceOf?.(from.id) ?? runtime.sandboxOf(from.id);
  return { ...answer, ...(await dataplane.reach(place, { address })) };
}

function verdictOf({ forwarded, denied, rcode, answers }: Lookup): ProbeReport['verdict'] {
  if (denied) return 'no-way-out';
  if (forwarded) return 'forwarded';
  if (rcode !== 'NOERROR') return 'no-such-name';
  return answers.length > 0 ? 'answered' : 'no-address';
}

function reasonOf(
  container: Container,
  name: string,
  { forwarded, denied, rcode, answers, searched }: Lookup,
): string | undefined {
  const addresses = answers.map(({ address }) => address).join(', ');
  if (forwarded) {
    const said = addresses || `no address (${rcode})`;
    return `${name} is no name of ${networksText(searched)}; the upstream servers say: ${said}`;
  }
  if (denied) {
    const networks = networksText(searched);
    const own = container.spec.dns.join(', ');
    const why = own
      ? `none of the DNS servers of ${container.name} (${own}) is within its reach`
      : `${container.name} is on internal networks only, so no upstream server is asked`;
    return `${name} is no name of ${networks}; ${why}`;
  }
  if (rcode !== 'NOERROR') {
    const where =
      searched.length > 0 ? `not on ${networksText(searched)}` : `and ${container.name} is on no network`;
    return `nothing running has the name ${name}, ${where}`;
  }
  if (answers.length === 0) return `${name} exists, but has no address`;
  return answers.some(({ found }) => found) ? undefined : `${name} is ${addresses}, the container itself`;
}

function networksText(networks: readonly string[]): string {
  return networks.length > 0 ? networks.join(', ') : 'any network';
}
