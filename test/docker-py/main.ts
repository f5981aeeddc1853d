import { parseArgs } from 'node:util';
import { compareOutcomes } from './compare.ts';
import { files as allFiles, DockerPy, type Mode, modes, type Outcome } from './docker-py.ts';
import { expectedFailures } from './expected-failures.ts';

/** `npm run test:docker-py -- CHECKOUT`: docker-py's own integration tests against a daemon of ours. Ends with 1 on any difference. */
const usage = `usage: npm run test:docker-py -- CHECKOUT [--mode ${modes.join('|')}] [FILES…]
CHECKOUT: a work tree or a git directory of docker-py. FILES: of ${allFiles.join(', ')}; absent: all.`;

function readArguments(): { checkout: string; mode: Mode; files: readonly string[] } {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { mode: { type: 'string', default: 'simulated' } },
  });
  const [checkout, ...named] = positionals;
  if (checkout === undefined) throw new Error(`no checkout of docker-py is named\n${usage}`);
  const mode = modes.find((one) => one === values.mode);
  if (mode === undefined) throw new Error(`no mode ${values.mode}\n${usage}`);
  const files = named.map((name) => name.replace(/\.py$/, ''));
  const unknown = files.find((file) => !allFiles.includes(file));
  if (unknown !== undefined) throw new Error(`no file ${unknown}\n${usage}`);
  return { checkout, mode, files: files.length > 0 ? files : allFiles };
}

async function main(): Promise<void> {
  const { checkout, mode, files } = readArguments();
  await using dockerPy = await DockerPy.copy(checkout);
  const outcomes: Outcome[] = [];
  for (const file of files) outcomes.push(...(await dockerPy.run(mode, file)));
  const found = compareOutcomes(mode, files, outcomes, expectedFailures);
  for (const line of found.differences) console.log(line);
  console.log(
    `${found.passed} passed, ${found.failedAsExpected} failed as expected, ${found.skipped} skipped by docker-py`,
  );
  if (found.differences.length > 0) process.exitCode = 1;
}

await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});
