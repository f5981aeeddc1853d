import { describe, expect, test } from 'vitest';
import type { Driver } from '../../drivers/driver.ts';
import { builtInDrivers, createDrivers } from '../../drivers/index.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { createSimulatedDataplane } from '../../src/dataplane/simulated.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { TestHost } from '../rig/namespace.ts';
import { driverChecks } from './driver.ts';

const tag = 'a1b2';
const advertise = () => '192.0.2.1';

/** A gateway that is another's can be asked nothing: test/e2e/stacked.test.ts has machines there. */
const apart: readonly string[] = ['macvlan', 'ipvlan'];

for (const driver of builtInDrivers.filter((name) => !apart.includes(name))) {
  describe(`driver ${driver}, simulated`, () => {
    for (const { name, run } of driverChecks) {
      test(name, async () => {
        const dataplane = createSimulatedDataplane();
        await run(createDrivers({ dataplane, tag, advertise })(driver), dataplane);
      });
    }
  });
}

const onLinux = (await probeLinux()).ok ? (['bridge', 'overlay'] as const) : [];

for (const driver of onLinux) {
  describe(`driver ${driver}, linux`, { timeout: 60_000 }, () => {
    for (const { name, run } of driverChecks) {
      test(name, async () => {
        await using host = await TestHost.create();
        await host.run('ip', 'addr', 'add', `${advertise()}/32`, 'dev', 'lo');
        const options = { tag: host.tag, log: silentLogger, hostNamespace: host.path };
        const dataplane = await openLinuxDataplane(options);
        await run(createDrivers({ dataplane, tag: host.tag, advertise })(driver), dataplane);
      });
    }
  });
}

/** The bridge driver with one method spoilt: the suite must notice each. */
const flaws: Record<string, (good: Driver) => Partial<Driver>> = {
  'removeNetwork does nothing': () => ({ removeNetwork: async () => {} }),
  'leave does nothing': () => ({ leave: async () => {} }),
  'join gives no interface': () => ({ join: async () => ({ routes: [] }) }),
  'join lets internal networks out': (good) => ({
    join: (network, endpoint) => good.join({ ...network, internal: false }, endpoint),
  }),
  'ensureNetwork makes nothing': () => ({ ensureNetwork: async () => {} }),
  'validate refuses what it does not know': () => ({
    validate: ({ options }) => {
      if (Object.keys(options).length > 0) throw new Error('unknown option');
    },
  }),
};

describe('the suite rejects a driver whose', () => {
  for (const [name, flaw] of Object.entries(flaws)) {
    test(name, async () => {
      const run = async (check: (typeof driverChecks)[number]) => {
        const dataplane = createSimulatedDataplane();
        const good = createDrivers({ dataplane, tag })('bridge');
        await check.run({ ...good, ...flaw(good) }, dataplane);
      };
      const results = await Promise.allSettled(driverChecks.map(run));
      expect(results.filter(({ status }) => status === 'rejected')).not.toEqual([]);
    });
  }
});
