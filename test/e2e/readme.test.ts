import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

/** The README's samples, typed by a shell with dist/bin first on its PATH: they print what they are said to. */
const root = fileURLToPath(new URL('../..', import.meta.url));

interface Step {
  readonly command: string;
  readonly output: string;
}

async function samples(): Promise<readonly Step[]> {
  const readme = await readFile(`${root}README.md`, 'utf8');
  const blocks = [...readme.matchAll(/<!-- sample: [^>]*-->\n```\n(.*?)```/gs)].map(([, text = '']) => text);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((step) => {
        const [command = '', ...lines] = step.split('\n');
        return { command, output: lines.join('\n') };
      }),
  );
}

/** Ids differ from run to run; their length, and what they are padded to, does not. */
function withoutIds(text: string): string {
  return text
    .replace(/\bfl[0-9a-f]{4}-[0-9a-f]{8}\b/g, 'BRIDGE')
    .replace(/\b[0-9a-f]{64}\b/g, 'ID'.padEnd(64, '.'))
    .replace(/\b[0-9a-f]{12}\b/g, 'ID'.padEnd(12, '.'));
}

describe('README', () => {
  it('prints what it says', async () => {
    await using host = await TestHost.create();
    await using daemon = await TestDaemon.start({
      namespace: host.path,
      flags: ['--dataplane', 'linux', '--node-name', 'h1'],
    });
    const env = { ...process.env, PATH: `${root}dist/bin:${process.env.PATH}`, FAIRLEAD_HOST: daemon.host };
    const steps = await samples();
    expect(steps.length).toBeGreaterThan(12);
    for (const { command, output } of steps) {
      const ran = await runToEnd(['nsenter', `--net=${host.path}`, 'sh', '-c', command], env);
      expect({ command, stderr: ran.stderr, output: withoutIds(ran.stdout) }).toEqual({
        command,
        stderr: '',
        output: withoutIds(output),
      });
    }
  });
});
