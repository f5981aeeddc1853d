import { homedir } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Where test/rig/packages.sh unpacks what is not installed: behind the PATH, so that an own `docker` goes first. */
const unpacked = process.env.FAIRLEAD_TEST_CACHE ?? join(homedir(), '.cache/fairlead-test');

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin:${join(unpacked, 'docker.io/usr/bin')}` },
    // Deadlines for tests that wait for real servers and kernels; nothing is measured by them.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // Hosts that are cut off, killed and timed have the machine to themselves, one file after another; the others
    // are run two at a time (package.json).
    fileParallelism: false,
    reporters: ['default'],
  },
});
