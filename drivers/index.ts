import type { Inspection } from '../src/dataplane/inspection.ts';
import type { Links } from '../src/dataplane/links.ts';
import type { Tunnels } from '../src/dataplane/tunnels.ts';
import { FairleadError } from '../src/lib/errors.ts';
import { createBridgeDriver } from './bridge.ts';
import type { Driver } from './driver.ts';
import { createHostDriver } from './host.ts';
import { createNullDriver } from './null.ts';
import { defaultVxlanPort } from './overlay/device.ts';
import { createOverlayDriver } from './overlay/driver.ts';
import type { TunnelNode } from './overlay/encryption.ts';

export interface DriverDependencies {
  readonly dataplane: Links & Tunnels & Pick<Inspection, 'mtuOf'>;
  /** The node's; see src/dataplane/names.ts. */
  readonly tag: string;
  /** The address that other nodes reach this one at; undefined when it has none. */
  readonly advertise?: () => string | undefined;
  /** Absent: this node has no part in encrypted networks. */
  readonly node?: TunnelNode;
  /** UDP port of overlay networks that are not encrypted; absent: VXLAN's own. */
  readonly vxlanPort?: number;
  /** Asked once for each driver that is not in the table. Whether there is such a plugin may show later. */
  readonly plugin?: (name: string) => Driver | undefined;
}

/** Names of the drivers that are always there. */
export const builtInDrivers = ['bridge', 'host', 'null', 'overlay'] as const;

/**
 * Every driver there is, in one table; what is not in it is a plugin. The result finds one by name.
 * @throws not-found (the result) when there is neither a built-in driver nor a plugin of that name
 */
export function createDrivers(dependencies: DriverDependencies): (name: string) => Driver {
  const { dataplane, tag, plugin, node, advertise = () => undefined } = dependencies;
  const { vxlanPort: port = defaultVxlanPort } = dependencies;
  const table: Readonly<Record<(typeof builtInDrivers)[number], Driver>> = {
    bridge: createBridgeDriver(dataplane, tag),
    host: createHostDriver(),
    null: createNullDriver(),
    overlay: createOverlayDriver({ dataplane, tag, advertise, node, port }),
  };
  const known = new Map<string, Driver>(Object.entries(table));
  return (name) => {
    const driver = known.get(name) ?? plugin?.(name);
    if (!driver) throw new FairleadError('not-found', `plugin "${name}" not found`);
    known.set(name, driver);
    return driver;
  };
}
