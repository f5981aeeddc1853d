import type { NameTable } from './name-table.ts';
import type { Host, Zone } from './zone.ts';

/** Everything DNS answers for, as `dns dump` shows it. */
export interface DnsDump {
  readonly generation: number;
  readonly networks: readonly DumpedNetwork[];
}

export interface DumpedNetwork {
  readonly id: string;
  readonly name: string;
  /** Sorted by name; wildcards as `*.x`. */
  readonly names: readonly DumpedName[];
  /** What is not answered for because its health check fails. */
  readonly withheld: readonly DumpedOwner[];
}

export interface DumpedName {
  readonly name: string;
  readonly owners: readonly DumpedOwner[];
}

export interface DumpedOwner {
  readonly addresses: readonly string[];
  /** `service my-service` or `container c1`. */
  readonly owner: string;
  readonly container: string;
  readonly containerId: string;
  readonly endpointId: string;
  readonly nodeId: string;
}

/** What a resync changed, one line each: `my-service.foo 172.18.0.2 (service my-service)`. */
export interface Resync {
  readonly added: readonly string[];
  readonly removed: readonly string[];
}

export function dumpTable(table: NameTable): DnsDump {
  const networks = [...table.zones()].map(dumpZone).sort((a, b) => a.name.localeCompare(b.name));
  return { generation: table.generation, networks };
}

/** What the endpoint is known as: `service NAME`, or `container NAME` for a container's own place. */
export function ownerOf({ endpoint }: Host): string {
  return endpoint.serviceId ? `service ${endpoint.name}` : `container ${endpoint.containerName}`;
}

export function addressesOf({ ipv4, ipv6 }: Host): readonly string[] {
  return [ipv4, ipv6].flatMap((address) => address ?? []);
}

/** Rebuilds every zone and compares: a difference is a change that the directory did not announce. */
export function resync(table: NameTable): Resync {
  const before = new Set(lines(table));
  table.rebuild();
  const after = new Set(lines(table));
  return {
    added: [...after].filter((line) => !before.has(line)),
    removed: [...before].filter((line) => !after.has(line)),
  };
}

function lines(table: NameTable): readonly string[] {
  return dumpTable(table).networks.flatMap((network) =>
    network.names.flatMap(({ name, owners }) =>
      owners.flatMap(({ addresses, owner }) =>
        addresses.map((address) => `${name}.${network.name} ${address} (${owner})`),
      ),
    ),
  );
}

function dumpZone(zone: Zone): DumpedNetwork {
  const entries = [
    ...zone.names,
    ...[...zone.wildcards].map(([base, hosts]) => [`*.${base}`, hosts] as const),
  ];
  return {
    id: zone.network.id,
    name: zone.network.name,
    names: entries
      .map(([name, hosts]) => ({ name, owners: hosts.map(dumpHost) }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    withheld: [...new Set(zone.byAddress.values())].filter(({ endpoint }) => !endpoint.healthy).map(dumpHost),
  };
}

function dumpHost(host: Host): DumpedOwner {
  const { containerName, containerId, id, nodeId } = host.endpoint;
  return {
    addresses: addressesOf(host),
    owner: ownerOf(host),
    container: containerName,
    containerId,
    endpointId: id,
    nodeId,
  };
}
