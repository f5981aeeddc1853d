import { shortId } from '../../lib/ids.ts';
import type { Survey } from '../inspection.ts';
import type { BridgeSpec } from '../links.ts';
import type { ParentSpec } from '../parents.ts';
import type { VxlanSpec } from '../tunnels.ts';
import type { SimulatedSandbox } from './reach.ts';

export interface SurveyedModel {
  readonly sandboxes: ReadonlyMap<string, SimulatedSandbox>;
  readonly bridges: ReadonlyMap<string, BridgeSpec>;
  readonly vxlans: readonly VxlanSpec[];
  readonly parents: readonly ParentSpec[];
}

/** What a kernel would show of the model. */
export function surveyModel(model: SurveyedModel, sandboxIds: readonly string[]): Survey {
  const plugs = [...model.sandboxes.values()].flatMap(({ interfaces }) => [...interfaces.values()]);
  return {
    bridges: [...model.bridges.values()].map((bridge) => ({ ...bridge, up: true })),
    vxlans: model.vxlans.map((vxlan) => ({ ...vxlan, up: true })),
    parents: model.parents.map((parent) => ({ ...parent, up: true })),
    hostEnds: plugs.flatMap(({ source }) => {
      if (source.kind !== 'veth') return [];
      // A port of a bridge that has gone is in none.
      const bridge = model.bridges.has(source.bridge) ? { bridge: source.bridge } : {};
      return [{ name: source.hostName, ...bridge, up: true }];
    }),
    sandboxes: sandboxIds.flatMap((id) => {
      const sandbox = model.sandboxes.get(shortId(id));
      return sandbox ? [{ id, interfaces: interfacesOf(sandbox), routes: sandbox.defaultRoutes }] : [];
    }),
    firewall: { missing: [], surplus: [] },
  };
}

function interfacesOf({ interfaces }: SimulatedSandbox) {
  return [...interfaces.values()].map(({ name, addresses, mac }) => ({
    name,
    addresses,
    ...(mac === undefined ? {} : { mac }),
    up: true,
  }));
}
