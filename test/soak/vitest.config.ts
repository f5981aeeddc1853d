import { fileURLToPath } from 'node:url';
import { defineConfig, mergeConfig } from 'vitest/config';
import usual from '../../vitest.config.ts';

/** Many rounds of what a test does once; minutes, and not part of `npm test` (CONTRIBUTING.md). */
export default mergeConfig(
  { ...usual, test: { ...usual.test, include: [] } },
  defineConfig({
    test: {
      root: fileURLToPath(new URL('../..', import.meta.url)),
      include: ['test/soak/*.soak.ts'],
      testTimeout: 3_600_000,
    },
  }),
);
