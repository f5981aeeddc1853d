import { describe, expect, it } from 'vitest';
import { runFaults } from '../rig/fault-run.ts';
import { storeKinds } from '../rig/stores.ts';

/** Minutes of the schedule, and how many of them pass in one of the clock; 10 and other seeds by hand. */
const minutes = Number(process.env.FAIRLEAD_FAULT_MINUTES ?? 4);
const compression = 15;
const seed = Number(process.env.FAIRLEAD_FAULT_SEED ?? 20150625);

// Each on a server and nodes of its own; most of it is waiting.
describe.concurrent.each(storeKinds)('clients, faults and deaths at random on $provider', (kind) => {
  it(
    `${minutes} minutes of schedule: no violation`,
    async () => {
      const say = (line: string) => console.log(`${kind.provider}: ${line}`);
      const figures = await runFaults({ kind, seed, scheduleSeconds: minutes * 60, compression, say });
      const { operations, outcomes, faults, checks, violations } = figures;
      const text = (counts: Readonly<Record<string, number>>) =>
        Object.entries(counts)
          .map(([name, count]) => `${count} ${name}`)
          .sort()
          .join(', ');
      console.log(
        `${kind.provider}, seed ${seed}: ${operations} operations (${text(outcomes)}), faults: ${text(faults)}, ` +
          `${checks} checks, ${violations.length} violations`,
      );
      expect(violations).toEqual([]);
      // How many there are, the machine decides; a run without any has shown nothing.
      expect(operations).toBeGreaterThan(minutes * 10);
      expect(checks).toBeGreaterThan(operations);
    },
    (minutes * 60_000) / compression + 300_000,
  );
});
