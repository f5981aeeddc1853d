import { expect, test } from 'vitest';
import { compareOutcomes } from './compare.ts';
import type { Outcome } from './docker-py.ts';

const outcome = (name: string, outcome: Outcome['outcome'], message = ''): Outcome => ({
  test: `network_test::${name}`,
  outcome,
  message,
});

const expected = [
  { reason: 'no swarm', tests: ['network_test::swarm', 'other_test::swarm'] },
  { reason: 'no programs', mode: 'simulated', tests: ['network_test::lookup'] },
] as const;

test("docker-py's failures that are expected are no difference, in their mode and of the files that ran", () => {
  const outcomes = [
    outcome('list', 'passed'),
    outcome('swarm', 'failed'),
    outcome('lookup', 'failed', 'not run'),
  ];
  expect(compareOutcomes('simulated', ['network_test'], outcomes, expected)).toEqual({
    passed: 1,
    failedAsExpected: 2,
    skipped: 0,
    differences: [],
  });
  expect(compareOutcomes('sandbox', ['network_test'], outcomes, expected).differences).toEqual([
    'failed: network_test::lookup: not run',
  ]);
});

test('a failure, a pass and an absence that are not expected are differences', () => {
  const outcomes = [
    outcome('list', 'passed'),
    outcome('list', 'failed', 'at the\nend'),
    outcome('lookup', 'passed'),
    outcome('mac', 'skipped'),
  ];
  expect(compareOutcomes('simulated', ['network_test'], outcomes, expected)).toEqual({
    passed: 1,
    failedAsExpected: 0,
    skipped: 1,
    differences: [
      'failed: network_test::list: at the end',
      'passed, though expected to fail: network_test::lookup',
      'expected to fail, but no such test ran: network_test::swarm',
    ],
  });
});
