import type { Network } from '../../cluster/records.ts';
import { FairleadError } from '../../lib/errors.ts';
import { foldCase } from '../../lib/names.ts';
import type { NetworkSpec } from '../model.ts';

/**
 * Configurations: networks that only hold settings, for others to be created from (`--config-only`,
 * `--config-from`). They are of the driver `null` and take no addresses; their pools are kept as typed.
 */

/** The spec of a network as it is to be made, with what its configuration says. @throws not-found | forbidden */
export function withConfiguration(spec: NetworkSpec, networks: readonly Network[]): NetworkSpec {
  if (spec.configFrom === undefined) return spec;
  if (spec.configOnly) {
    throw new FairleadError(
      'forbidden',
      'a configuration network cannot depend on another configuration network',
    );
  }
  const name = foldCase(spec.configFrom);
  const from = networks.find((network) => network.configOnly && foldCase(network.name) === name);
  if (!from?.configOnly) {
    throw new FairleadError('not-found', `configuration network "${spec.configFrom}" does not exist`);
  }
  if (hasSettings(spec)) {
    throw new FairleadError(
      'forbidden',
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  }
  const { driver, options, optionsUnset } = from.ipam;
  return {
    ...spec,
    internal: from.internal,
    attachable: from.attachable,
    ...(from.ipv4 === false ? { ipv4: false } : {}),
    ipv6: from.ipv6,
    ipam: { driver, ...(optionsUnset ? {} : { options }), config: from.configOnly.pools },
    options: from.options,
    labels: { ...from.labels },
  };
}

/** The members of a network's record that say what it has to do with configurations. */
export function configurationOf(spec: NetworkSpec): Pick<Network, 'configOnly' | 'configFrom'> {
  if (spec.configFrom !== undefined) return { configFrom: spec.configFrom };
  if (!spec.configOnly) return {};
  const pools = (spec.ipam?.config ?? []).map((pool) => ({
    ...pool,
    auxAddresses: { ...pool.auxAddresses },
  }));
  return { configOnly: { pools } };
}

/** @throws forbidden while a network was made from it */
export function refuseUsedConfiguration({ name, configOnly }: Network, networks: readonly Network[]): void {
  const used = networks.some(({ configFrom }) => configFrom && foldCase(configFrom) === foldCase(name));
  if (!configOnly || !used) return;
  throw new FairleadError(
    'forbidden',
    `error while removing network: configuration network "${name}" is in use`,
  );
}

function hasSettings({ ipam, options, labels, internal, ipv4, ipv6 }: NetworkSpec): boolean {
  const given = [ipam?.config ?? [], Object.keys(options ?? {}), Object.keys(labels ?? {})];
  return given.some(({ length }) => length > 0) || Boolean(internal) || ipv4 === false || Boolean(ipv6);
}
