import { createHash } from 'node:crypto';
import { statSync, symlinkSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { LogLine, ProcessStreams } from '../../src/container/runtime.ts';
import { probeLinux } from '../../src/dataplane/linux/available.ts';
import { containerFiles, containerSpec } from '../rig/container-spec.ts';
import { readBoth, SandboxPlace } from '../rig/sandbox-place.ts';
import { until } from '../rig/until.ts';

if ((await probeLinux()).ok) {
  describe('logs', logTests);
  describe('attach', attachTests);
  describe('exec', execTests);
  describe('a terminal', terminalTests);
} else
  test('namespaces do not work here, and that is said', async () =>
    expect((await probeLinux()).ok).toBe(false));

async function collect(lines: AsyncIterable<LogLine>): Promise<LogLine[]> {
  const all: LogLine[] = [];
  for await (const line of lines) all.push(line);
  return all;
}

function logTests() {
  test('have every line of both streams, whole, with its bytes', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({
      command: [
        'sh',
        '-c',
        'echo one; sleep 0.05; echo "zwei ü" >&2; sleep 0.05; printf "\\377\\n"; printf part',
      ],
    });
    expect(await place.ended(id)).toBe(0);
    const lines = await collect(place.runtime.logs(id, { follow: false }));
    const expected = [
      { stream: 'stdout', data: Buffer.from('one\n') },
      { stream: 'stderr', data: Buffer.from('zwei ü\n') },
      { stream: 'stdout', data: Buffer.from([255, 10]) },
      { stream: 'stdout', data: Buffer.from('part') },
    ];
    expect(lines).toMatchObject(expected);
    for (const { time } of lines) expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
  });

  test('can be cut to the last lines and to a time', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['sh', '-c', 'echo 1; echo 2; sleep 0.05; echo 3; printf 4'] });
    await place.ended(id);
    expect(await place.logged(id, { tail: 0 })).toBe('');
    expect(await place.logged(id, { tail: 1 })).toBe('4');
    expect(await place.logged(id, { tail: 3 })).toBe('2\n3\n4');
    expect(await place.logged(id, { tail: 9 })).toBe('1\n2\n3\n4');
    const [, , third] = await collect(place.runtime.logs(id, { follow: false }));
    const time = Date.parse(third?.time ?? '') / 1000;
    expect(await place.logged(id, { since: time })).toBe('3\n4');
    expect(await place.logged(id, { until: time - 0.001 })).toBe('1\n2\n');
  });

  test('are followed until the end, and kept over a restart', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['sh', '-c', 'echo a; read line; echo b'], openStdin: true });
    const followed = place.logged(id, { follow: true });
    (await place.runtime.attach(id)).stdin.end('go\n');
    expect(await followed).toBe('a\nb\n');
    await place.runtime.release(id);
    await place.runtime.prepare(id);
    await place.runtime.start(id, containerFiles);
    await place.runtime.stop(id, 10);
    expect(await place.logged(id, { follow: true })).toBe('a\nb\na\n');
  });

  test('are bounded', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({
      command: ['sh', '-c', 'yes "$(printf %08000d 0)" | head -n 4000; echo last'],
    });
    expect(await place.ended(id)).toBe(0);
    const sizes = ['container.log', 'container.log.1'].map(
      (name) => statSync(join(place.directory, id, name)).size,
    );
    for (const size of sizes) expect(size).toBeLessThanOrEqual(10 * 1024 * 1024);
    expect(sizes[1]).toBeGreaterThan(9 * 1024 * 1024);
    expect(await place.logged(id, { tail: 1 })).toBe('last\n');
  });

  test('lose lines to a full disk, the container does not notice', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(
      containerSpec({ command: ['sh', '-c', 'echo a; echo b; exit 4'] }),
    );
    await mkdir(join(place.directory, id), { recursive: true });
    symlinkSync('/dev/full', join(place.directory, id, 'container.log'));
    await place.runtime.prepare(id);
    await place.runtime.start(id, containerFiles);
    expect(await place.ended(id)).toBe(4);
  });
}

/** What a stream has said up to now. */
function listen({ stdout }: ProcessStreams): { text: string } {
  const heard = { text: '' };
  stdout.on('data', (chunk: Buffer) => {
    heard.text += chunk;
  });
  return heard;
}

function attachTests() {
  test('from before the start misses nothing, not even of the shortest program', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(
      containerSpec({ command: ['sh', '-c', 'echo out; echo err >&2'] }),
    );
    await place.runtime.prepare(id);
    const clients = [await place.runtime.attach(id), await place.runtime.attach(id)];
    await place.runtime.start(id, containerFiles);
    for (const client of clients) expect(await readBoth(client)).toEqual(['out\n', 'err\n']);
    expect(await place.logged(id)).toBe('out\nerr\n');
  });

  test('ends when the start fails', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(containerSpec({ command: ['no-such-program'] }));
    await place.runtime.prepare(id);
    const client = await place.runtime.attach(id);
    await expect(place.runtime.start(id, containerFiles)).rejects.toMatchObject({ kind: 'invalid' });
    expect(await readBoth(client)).toEqual(['', '']);
  });

  test('feeds stdin, byte for byte and to its end, however large', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(containerSpec({ command: ['md5sum'], openStdin: true }));
    await place.runtime.prepare(id);
    const client = await place.runtime.attach(id);
    client.stdin.end(Buffer.alloc(5_000_000, 'abc'));
    await place.runtime.start(id, containerFiles);
    const sum = createHash('md5').update(Buffer.alloc(5_000_000, 'abc')).digest('hex');
    expect(await readBoth(client)).toEqual([`${sum}  -\n`, '']);
    expect(await place.ended(id)).toBe(0);
  });

  test('gets large outputs whole though it reads slowly', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(
      containerSpec({ command: ['head', '-c', '20000000', '/dev/zero'] }),
    );
    await place.runtime.prepare(id);
    const client = await place.runtime.attach(id);
    client.stderr.resume();
    await place.runtime.start(id, containerFiles);
    let size = 0;
    for await (const chunk of client.stdout) {
      if (size === 0) await new Promise((resolve) => setTimeout(resolve, 300));
      size += chunk.length;
    }
    expect(size).toBe(20_000_000);
  });

  test('may come and go while the program runs on', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run({ command: ['cat'], openStdin: true });
    const first = await place.runtime.attach(id);
    const heard = listen(first);
    first.stdin.write('one\n');
    await until(
      'the first client hears',
      () => heard.text,
      (text) => text === 'one\n',
    );
    first.stdout.destroy();
    const second = await place.runtime.attach(id);
    const alsoHeard = listen(second);
    second.stdin.write('two\n');
    await until(
      'the second client hears',
      () => alsoHeard.text,
      (text) => text === 'two\n',
    );
    expect(heard.text).toBe('one\n');
    second.stdin.end();
    expect(await place.ended(id)).toBe(0);
  });

  test('without openStdin gives the program none', async () => {
    await using place = await SandboxPlace.create();
    expect(await place.output('sh', '-c', 'cat; echo end')).toEqual({ stdout: 'end\n', stderr: '', code: 0 });
  });
}

function execTests() {
  for (const [kind, command] of [
    ['with', ['sleep', '1000']],
    ['without', []],
  ] as const) {
    test(`in a container ${kind} a command: its view, its exit codes`, async () => {
      await using place = await SandboxPlace.create();
      const { id } = await place.run({ hostname: 'boat', env: ['A=1'], command });
      const script =
        'hostname; tail -n 1 /etc/hosts; echo $A $B; pwd; readlink /proc/self/ns/net; echo e >&2; exit 9';
      const seen = await place.exec(id, ['sh', '-c', script], { env: ['B=2'], workingDir: '/usr' });
      const inode = statSync(place.dataplane.sandboxPath(id)).ino;
      expect(seen).toEqual({
        stdout: `boat\n192.0.2.7\tmyself\n1 2\n/usr\nnet:[${inode}]\n`,
        stderr: 'e\n',
        code: 9,
      });
      expect((await place.exec(id, ['sh', '-c', 'id -u; id -G'], { user: 'nobody' })).stdout).toBe(
        '65534\n65534\n',
      );
      expect((await place.exec(id, ['sh', '-c', 'kill -9 $$'])).code).toBe(137);
      expect(await place.exec(id, ['no-such'])).toEqual({
        stdout: '',
        stderr: 'exec: "no-such": executable file not found in $PATH\n',
        code: 127,
      });
      expect((await place.exec(id, ['/etc'])).code).toBe(126);
    });
  }

  test('reads stdin to its end', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run();
    const spec = { command: ['cat'], env: [], workingDir: '', user: '', tty: false, attachStdin: true };
    const process = await place.runtime.exec(id, spec);
    process.stdin.end('hello');
    expect(await readBoth(process)).toEqual(['hello', '']);
    expect(await process.exited).toBe(0);
  });

  test('what it leaves in the background stays until the container ends', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.run();
    expect((await place.exec(id, ['sh', '-c', 'sleep 1234 & echo started'])).stdout).toBe('started\n');
    expect((await place.exec(id, ['pgrep', '-f', 'sleep 1234'])).code).toBe(0);
    await place.runtime.stop(id, 10);
    expect(place.processesIn(id)).toEqual([]);
  });

  test('is refused when the container does not run', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(containerSpec());
    const message = `container ${id} is not running`;
    await expect(place.exec(id, ['true'])).rejects.toMatchObject({ kind: 'conflict', message });
  });
}

function terminalTests() {
  /** Types a line when the prompt has come, and returns what appeared until the next one. */
  async function type(streams: ProcessStreams, heard: { text: string }, line: string): Promise<string> {
    await until(
      'a prompt',
      () => heard.text,
      (text) => text.endsWith('$ '),
    );
    heard.text = '';
    streams.stdin.write(`${line}\n`);
    await until(
      'the next prompt',
      () => heard.text,
      (text) => text.endsWith('$ '),
    );
    return heard.text;
  }

  const shell = { command: ['sh'], env: ['PS1=$ ', 'SHELL=/bin/own'], tty: true };

  async function tryShell(streams: ProcessStreams): Promise<void> {
    const heard = listen(streams);
    streams.resize(101, 33);
    expect(await type(streams, heard, 'tty | cut -c-9; echo $SHELL $TERM')).toBe(
      'tty | cut -c-9; echo $SHELL $TERM\r\n/dev/pts/\r\n/bin/own xterm\r\n$ ',
    );
    await until(
      'the size',
      () => type(streams, heard, 'stty size'),
      (text) => text === 'stty size\r\n33 101\r\n$ ',
    );
    streams.resize(80, 24);
    await until(
      'the new size',
      () => type(streams, heard, 'stty size'),
      (text) => text === 'stty size\r\n24 80\r\n$ ',
    );
    // By what the program says it is in the foreground; the terminal's echo comes before the shell has even read the line.
    streams.stdin.write("sh -c 'echo up; exec sleep 1000'\n");
    await until(
      'the program',
      () => heard.text,
      (text) => text.endsWith('\nup\r\n'),
    );
    streams.stdin.write('\x03');
    expect(await type(streams, heard, 'echo $?')).toBe('echo $?\r\n130\r\n$ ');
    streams.stdin.write('exit 6\n');
  }

  test('of a container: echo, size, Ctrl-C, exit code', async () => {
    await using place = await SandboxPlace.create();
    const { id } = await place.runtime.create(containerSpec({ ...shell, openStdin: true }));
    await place.runtime.prepare(id);
    const streams = await place.runtime.attach(id);
    await place.runtime.start(id, containerFiles);
    await tryShell(streams);
    expect(await place.ended(id)).toBe(6);
    expect(await place.logged(id, { tail: 1 })).toBe('$ exit 6\r\n');
  });

  for (const command of [['sleep', '1000'], []]) {
    test(`of an exec in a container that runs ${command[0] ?? 'nothing'}`, async () => {
      await using place = await SandboxPlace.create();
      const { id } = await place.run({ command });
      const exec = { ...shell, workingDir: '/tmp', user: '', attachStdin: true };
      const process = await place.runtime.exec(id, exec);
      await tryShell(process);
      expect(await process.exited).toBe(6);
    });
  }

  test('goes to the program on stop, which ends by the signal', async () => {
    await using place = await SandboxPlace.create();
    const { id, state } = await place.run({ command: ['sleep', '1000'], tty: true });
    expect(state.pid).toBeGreaterThan(1);
    await place.runtime.stop(id, 60);
    expect(place.runtime.get(id)?.state.exitCode).toBe(143);
  });
}
