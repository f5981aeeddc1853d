import type { Mode, Outcome } from './docker-py.ts';

/** Tests of docker-py that fail here, and why. */
export interface ExpectedFailures {
  readonly reason: string;
  /** Absent: in both. */
  readonly mode?: Mode;
  /** `api_network_test::TestNetworks::test_list_networks` */
  readonly tests: readonly string[];
}

export interface Comparison {
  readonly passed: number;
  readonly failedAsExpected: number;
  /** By docker-py itself. */
  readonly skipped: number;
  /** One line each. */
  readonly differences: readonly string[];
}

/** What ran against what was expected. `files`: which were run; what is expected of others is left alone. */
export function compareOutcomes(
  mode: Mode,
  files: readonly string[],
  outcomes: readonly Outcome[],
  expected: readonly ExpectedFailures[],
): Comparison {
  const inMode = expected.filter((group) => group.mode === undefined || group.mode === mode);
  const expectedNames = new Set(inMode.flatMap(({ tests }) => tests));
  // A test whose tear-down fails as well has two outcomes.
  const failed = new Map(outcomes.filter((one) => one.outcome === 'failed').map((one) => [one.test, one]));
  const passed = outcomes.filter((one) => one.outcome === 'passed' && !failed.has(one.test));
  const names = new Set(outcomes.map(({ test }) => test));
  const absent = [...expectedNames].filter(
    (name) => files.some((file) => name.startsWith(`${file}::`)) && !names.has(name),
  );
  const unexpected = [...failed.values()].filter(({ test }) => !expectedNames.has(test));
  return {
    passed: passed.length,
    failedAsExpected: failed.size - unexpected.length,
    skipped: outcomes.filter((one) => one.outcome === 'skipped').length,
    differences: [
      ...unexpected.map(({ test, message }) => `failed: ${test}: ${message.replaceAll('\n', ' ')}`),
      ...passed
        .filter(({ test }) => expectedNames.has(test))
        .map(({ test }) => `passed, though expected to fail: ${test}`),
      ...absent.map((test) => `expected to fail, but no such test ran: ${test}`),
    ],
  };
}
