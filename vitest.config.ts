import { homedir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Where test/rig/packages.sh unpacks what is not installed: behind the PATH, so that an own `docker` goes first. */
const unpacked = process.env.FAIRLEAD_TEST_CACHE ?? join(homedir(), '.cache/fairlead-test');

/** What takes longest begins first, so that no worker is left with it at the end: real programs, then real servers. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification) =>
      ['/e2e/', '/conformance/', '/contract/', '/unit/'].findIndex((folder) => moduleId.includes(folder));
    return files.toSorted((a, b) => rank(a) - rank(b) || a.moduleId.localeCompare(b.moduleId));
  }
}

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin:${join(unpacked, '28.5/docker-cli/usr/bin')}` },
    // Deadlines for tests that wait for real servers and kernels; nothing is measured by them.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Hosts of the kernel whose moves are timed have the machine to themselves; the others are run two at a time, and the
    // clusters, which wait for most of their time, only with each other (package.json).
    fileParallelism: false,
    sequence: { sequencer: LongestFirst },
    reporters: ['default'],
  },
});
