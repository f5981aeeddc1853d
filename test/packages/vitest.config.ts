import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** `npm run test:packages`: minutes, and Debian's archive is asked. Not part of `npm test`. */
export default defineConfig({
  test: {
    root: fileURLToPath(new URL('../..', import.meta.url)),
    include: ['test/packages/*.trial.ts'],
    env: { PATH: `${process.env.PATH}:/usr/sbin:/sbin` },
    globalSetup: 'test/packages/build-both.ts',
    // Deadlines, also for a machine that does other things: nothing is measured by them.
    testTimeout: 900_000,
    hookTimeout: 900_000,
    fileParallelism: false,
  },
});
