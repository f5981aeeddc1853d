import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/daemon/config.ts';
import { tellReady } from '../../src/daemon/service-manager.ts';
import { silentLogger } from '../../src/lib/log.ts';

const packaged = (name: string) =>
  readFile(fileURLToPath(new URL(`../../packaging/${name}`, import.meta.url)), 'utf8');

describe('what is installed with the package', () => {
  it('has a configuration that the daemon takes', async () => {
    const file = z.record(z.string(), z.unknown()).parse(JSON.parse(await packaged('fairlead.json')));
    expect(parseConfig({}, file)).toMatchObject({
      engine: { kind: 'socket', path: '/run/docker.sock' },
      advertise: 'eth0',
    });
  });

  it('has a unit whose words the daemon knows, and that ends no container', async () => {
    const unit = await packaged('fairlead.service');
    expect(unit).toMatch(/^ExecStart=\/usr\/bin\/fairlead daemon --config-file \S+$/m);
    expect(unit).toMatch(/^KillMode=process$/m);
    expect(unit).toMatch(/^Type=notify\n(#.*\n)?NotifyAccess=all$/m);
  });
});

describe('the service manager', () => {
  /** In place of systemd's own program, one that writes down what it was told. */
  async function fakeNotify(script: string) {
    const folder = await mkdtemp(join(tmpdir(), 'flt-notify-'));
    const program = join(folder, 'systemd-notify');
    await writeFile(program, `#!/bin/sh\n${script}`);
    await chmod(program, 0o755);
    return {
      said: () => readFile(join(folder, 'said'), 'utf8'),
      env: { PATH: `${folder}:/usr/bin:/bin`, NOTIFY_SOCKET: '/run/x' } as NodeJS.ProcessEnv,
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
    };
  }

  it('is told once that the daemon is ready, and no container hears of it', async () => {
    await using notify = await fakeNotify('echo "$NOTIFY_SOCKET $*" >>"$(dirname "$0")/said"');
    await tellReady(silentLogger, notify.env);
    expect(await notify.said()).toBe('/run/x --ready\n');
    expect(notify.env.NOTIFY_SOCKET).toBeUndefined();
    await tellReady(silentLogger, notify.env);
    expect(await notify.said()).toBe('/run/x --ready\n');
  });

  it('that cannot be told keeps nobody from working', async () => {
    await using notify = await fakeNotify('exit 1');
    await tellReady(silentLogger, notify.env);
  });
});
