import { describe, expect, test } from 'vitest';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { TestHost } from '../rig/namespace.ts';
import { dataplaneChecks } from './dataplane.ts';

describe('the simulated data plane', () => {
  for (const { name, run } of dataplaneChecks) test(name, () => run(createSimulatedDataplane(), 'a1b2'));
});

const linux = await probeLinux();

// Mostly waits for echo replies that do not come; the time allowed is for machines that are busy.
describe('the linux data plane', { concurrent: true, timeout: 60_000 }, () => {
  if (!linux.ok) {
    test('says why it does not work here', () => expect(linux.reason).toMatch(/^\S.*$/));
    return;
  }
  for (const { name, run } of dataplaneChecks) {
    test(name, async () => {
      await using host = await TestHost.create();
      const { tag, path } = host;
      await run(await openLinuxDataplane({ tag, log: silentLogger, hostNamespace: path }), tag);
    });
  }
});

/** The simulated data plane with one method spoilt: the suite must notice each. */
const flaws: Record<string, (good: Dataplane) => Partial<Dataplane>> = {
  'unplug does nothing': () => ({ unplug: async () => {} }),
  'removeSandbox does nothing': () => ({ removeSandbox: async () => {} }),
  'removeBridge does nothing': () => ({ removeBridge: async () => {} }),
  'the firewall is ignored': () => ({ applyFirewall: async () => {} }),
  'default routes are ignored': () => ({ setDefaultRoutes: async () => {} }),
  'close does nothing': () => ({ close: async () => {} }),
  'plug makes the sandbox it lacks': (good) => ({
    plug: async (id, plug) => {
      await good.ensureSandbox(id);
      await good.plug(id, plug);
    },
  }),
  'ensureBridge never changes a bridge': (good) => ({
    ensureBridge: async (bridge) => {
      if (!(await good.owned()).bridges.includes(bridge.name)) await good.ensureBridge(bridge);
    },
  }),
  'tunnel entries are never removed': (good) => ({
    changeTunnel: (name, { set }) =>
      good.changeTunnel(name, { set, remove: { bridged: [], forwarding: [], neighbours: [] } }),
  }),
  'a vxlan device is never made anew': (good) => ({
    ensureVxlan: async (vxlan) => {
      if (!(await good.owned()).vxlans.includes(vxlan.name)) await good.ensureVxlan(vxlan);
    },
  }),
  'removeVxlan does nothing': () => ({ removeVxlan: async () => {} }),
  'everything is reachable': () => ({ reach: async () => ({ reachable: true, path: [] }) }),
};

describe('the suite rejects a data plane where', () => {
  for (const [name, flaw] of Object.entries(flaws)) {
    test(name, async () => {
      const results = await Promise.allSettled(dataplaneChecks.map(({ run }) => run(spoil(flaw), 'a1b2')));
      expect(results.filter(({ status }) => status === 'rejected')).not.toEqual([]);
    });
  }
});

function spoil(flaw: (good: Dataplane) => Partial<Dataplane>): Dataplane {
  const good = createSimulatedDataplane();
  const bad = flaw(good);
  return new Proxy(good, {
    get(target, property) {
      const value: unknown = Reflect.get(property in bad ? bad : target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}
