import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';

/** Many times what a pipe holds. */
const [copies, labelSize] = [100, 10_000];
const big = Array<string>(copies).fill('big');
const strangers = Array.from({ length: 400 }, (_, n) => `${'x'.repeat(200)}-${n}`);

describe('output into a pipe', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await TestDaemon.start({ flags: ['--dataplane', 'simulated', '--dns-listen', 'none'] });
    await daemon.ok('network', 'create', '--label', `filling=${'x'.repeat(labelSize)}`, 'big');
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  /** By a shell, whose pipes are real ones: Node would give the program a socket. */
  async function bash(script: string, program: string, args: readonly string[]) {
    const file = join(import.meta.dirname, '../../dist/bin', program);
    return await runToEnd(['bash', '-o', 'pipefail', '-c', script, process.execPath, file, ...args], {
      ...cleanEnvironment(),
      FAIRLEAD_HOST: daemon.host,
    });
  }

  it.each(['fairlead', 'docker'])('is complete when the reader of %s is slow', async (program) => {
    const { code, stdout, stderr } = await bash('"$0" "$@" | { sleep 1; cat; }', program, [
      'network',
      'inspect',
      ...big,
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const labels = (JSON.parse(stdout) as { Labels: { filling: string } }[]).map(
      ({ Labels }) => Labels.filling,
    );
    expect(labels.map((label) => label.length)).toEqual(Array(copies).fill(labelSize));
  });

  it('is complete on stderr', async () => {
    const { code, stdout } = await bash('"$0" "$@" 2>&1 | { sleep 2; cat; }', 'fairlead', [
      'network',
      'rm',
      ...strangers,
    ]);
    expect(code).toBe(1);
    expect(stdout.trimEnd().split('\n').at(-1)).toContain(`${strangers.at(-1)} not found`);
  });

  it('ends with its reader', async () => {
    const ran = await bash('"$0" "$@" | head -c 1', 'fairlead', ['network', 'inspect', ...big]);
    expect(ran).toMatchObject({ code: 0, stdout: '[', stderr: '' });
  });
});
