import type { ExpectedFailures } from './compare.ts';

export const expectedFailures: readonly ExpectedFailures[] = [];
