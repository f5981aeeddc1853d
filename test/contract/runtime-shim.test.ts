import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parentOf } from '../../src/container/sandbox/process-identity.ts';
import { connectToShim } from '../../src/container/sandbox/shim-client/shim-connection.ts';
import { encodeFrame, frameTypes } from '../../src/container/shim/frames.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { containerFiles, containerSpec } from '../rig/container-spec.ts';
import { nothingLeft, SandboxPlace } from '../rig/sandbox-place.ts';
import { until } from '../rig/until.ts';

if ((await probeLinux()).ok) tests();
else
  test('namespaces do not work here, and that is said', async () =>
    expect((await probeLinux()).ok).toBe(false));

/** What a shim owes whoever asks it, and what becomes of one that does not give it. */
function tests(): void {
  test('one that is silent holds up nobody: signals and execs fail, a stop ends it', async () => {
    await using place = await SandboxPlace.create();
    await place.reopen(300);
    const { id, state } = await place.run({ command: ['sleep', '1000'] });
    const shim = parentOf(state.pid);
    process.kill(shim, 'SIGSTOP');
    const status = () => readFileSync(`/proc/${shim}/status`, 'utf8');
    await until('the shim stands still', status, (text) => /^State:\tT/m.test(text));
    const silent = {
      kind: 'internal',
      message: 'the shim of the container does not answer',
    };
    await expect(place.runtime.signal(id, 'HUP')).rejects.toMatchObject(silent);
    await expect(place.exec(id, ['true'])).rejects.toMatchObject(silent);
    const begun = performance.now();
    await place.runtime.stop(id, 0.1);
    expect(performance.now() - begun).toBeLessThan(10_000);
    expect(place.runtime.get(id)?.state).toMatchObject({ status: 'exited', exitCode: 137 });
    expect(place.processesIn(id)).toEqual([]);
  });

  test('one that is silent when a new daemon comes keeps its container', async () => {
    await using place = await SandboxPlace.create();
    const { id, state } = await place.run({
      command: ['sh', '-c', 'trap "exit 5" TERM; while :; do sleep 0.05; done'],
    });
    const shim = parentOf(state.pid);
    process.kill(shim, 'SIGSTOP');
    await place.reopen(100);
    await expect(place.runtime.signal(id, 'HUP')).rejects.toMatchObject({ kind: 'internal' });
    process.kill(shim, 'SIGCONT');
    await place.runtime.stop(id, 60);
    expect(place.runtime.get(id)?.state).toMatchObject({ status: 'exited', exitCode: 5 });
  });

  test('one that never begins makes the start fail, and nothing of it stays', async () => {
    await using place = await SandboxPlace.create();
    await place.reopen(300);
    writeFileSync(place.shim, 'setInterval(() => {}, 1000);');
    const { id } = await place.runtime.create(containerSpec({ command: ['true'] }));
    await place.runtime.prepare(id);
    await expect(place.runtime.start(id, containerFiles)).rejects.toMatchObject({
      kind: 'internal',
      message: "the container's namespaces could not be made: no answer within 0.3 s",
    });
    await place.runtime.remove(id);
    expect(await place.leftovers()).toEqual(nothingLeft);
  });

  test('one that fails ends its container, and the container says why', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['sleep', '1000'] });
    const socket = await connectToShim(join(place.directory, id), 10_000);
    socket.write(encodeFrame(frameTypes.control, Buffer.from('no JSON')));
    expect(await place.ended(id)).toBe(137);
    expect(place.runtime.get(id)?.state.error).toMatch(/^the shim has failed: Unexpected token/);
    expect(place.processesIn(id)).toEqual([]);
    socket.destroy();
  });

  test.each(['good\nx', 'a\u0007b', 'a\u0000b'])(
    'a line break in a hostname reaches none: %j',
    async (hostname) => {
      await using place = await SandboxPlace.create();
      const { id } = await place.runtime.create(
        containerSpec({ hostname, domainname: 'y', command: ['true'] }),
      );
      await expect(place.runtime.prepare(id)).rejects.toMatchObject({
        kind: 'invalid',
        message: expect.stringMatching(/^"(good|a)\\u.* is no line of a file: it holds a control character$/),
      });
      await place.runtime.remove(id);
      expect(await place.leftovers()).toEqual(nothingLeft);
    },
  );
}
