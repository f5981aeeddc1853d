import { spawn } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Clone } from '../rig/clone.ts';
import { cleanEnvironment, runToEnd } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';
import { NpmStart } from '../rig/npm-start.ts';
import { readmeSamples, withoutIds } from '../rig/readme.ts';
import { until } from '../rig/until.ts';

/** The README typed line by line, at the daemon that its `npm start` has left, after what its tour did to it. */
const root = fileURLToPath(new URL('../..', import.meta.url));

async function typeReadme(started: NpmStart, packetsMove: boolean): Promise<void> {
  const samples = await readmeSamples(packetsMove);
  expect(samples.length).toBeGreaterThan(12);
  for (const { command, output } of samples) {
    const ran = await runToEnd(started.typed(command), cleanEnvironment());
    expect({ command, stderr: ran.stderr, output: withoutIds(ran.stdout) }).toEqual({
      command,
      stderr: '',
      output: withoutIds(output),
    });
  }
}

describe('README, after npm start', () => {
  it('prints what it says for root, without a terminal, where another program has 5354', async () => {
    await using host = await TestHost.create();
    const enter = ['nsenter', `--net=${host.path}`];
    const [taker = '', ...words] = [...enter, 'nc', '-u', '-l', '-k', '127.0.0.1', '5354'];
    const other = spawn(taker, words, { stdio: 'ignore' });
    try {
      await using started = await NpmStart.withoutTerminal({ folder: root, enter });
      const port = /^DNS on 127\.0\.0\.1 port (\d+) \(5354 is taken by another program\)$/m.exec(
        started.output,
      )?.[1];
      expect(started.output).toMatch(/: sandbox mode \(/);
      expect(started.exports).toContain(`  export FAIRLEAD_DNS_PORT=${port}`);
      await typeReadme(started, true);
    } finally {
      other.kill();
    }
    expect(await host.linkNames()).toEqual([]);
  });

  it('prints what it says for a plain user, in a clone, on a terminal; Ctrl-C leaves nothing', async () => {
    await using host = await TestHost.create();
    const uid = 64_321;
    await using clone = await Clone.of(uid);
    const user = ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
    await using started = await NpmStart.onTerminal({
      folder: clone.folder,
      enter: ['nsenter', `--net=${host.path}`, ...user],
      env: { HOME: clone.home, TMPDIR: clone.temporary },
    });
    expect(started.output).toMatch(/building dist\/ … \d+\.\d s\nstarting the daemon …\n/);
    expect(started.output).toMatch(/: simulated mode \(/);
    expect(started.output).toContain('\n  dig +short +subnet=172.18.0.3/32 @127.0.0.1 -p 5354 my-service\n');
    await typeReadme(started, false);
    expect(await started.interrupt()).toBe(128 + constants.signals.SIGINT);
    await until(
      'the tour removes its folder',
      () => readdir(clone.temporary),
      (left) => left.length === 0,
    );
    expect(await clone.changes()).toBe('');
  });

  it('says how to go on where the daemon cannot stay', async () => {
    await using host = await TestHost.create();
    const words = ['nsenter', `--net=${host.path}`, 'npm', 'start', '--silent', '--prefix', root];
    const built = await stat(`${root}dist`);
    const { code, stdout, stderr } = await runToEnd(words, cleanEnvironment());
    expect({ code, stderr, built: (await stat(`${root}dist`)).ino }).toEqual({
      code: 0,
      stderr: '',
      built: built.ino,
    });
    expect(stdout).toMatch(
      /\n\nThis is no terminal, so the daemon of the tour has ended\. To go on:\n\n {2}npm start -- --stay .*\n {2}\S+\/dist\/bin\/fairlead daemon .*\n$/,
    );
  });
});
