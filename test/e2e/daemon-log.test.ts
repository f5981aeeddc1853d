import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { cleanEnvironment, runToEnd } from '../rig/daemon.ts';
import { until } from '../rig/until.ts';

const program = fileURLToPath(new URL('../../dist/bin/fairlead', import.meta.url));
let root = '';
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'flt-log-'));
});
afterAll(() => rm(root, { recursive: true, force: true }));

/** What a daemon at level debug writes that is asked once, on a terminal (util-linux' script makes one) or into pipes. */
async function logOf(on: 'terminal' | 'pipes', flags: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const host = `unix://${root}/sock`;
  const words = [program, 'daemon', '--data-root', root, '-H', host, '--dataplane', 'simulated'];
  const argv = [process.execPath, ...words, '--dns-listen', 'none', '--log-level', 'debug', ...flags];
  const script = ['script', '--quiet', '--return', '--command', `exec ${argv.join(' ')}`, '/dev/null'];
  const [command = '', ...args] = on === 'terminal' ? script : argv;
  const { NO_COLOR: _, ...clean } = cleanEnvironment();
  const child = spawn(command, args, {
    env: { ...clean, TERM: 'xterm', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const ended = once(child, 'close');
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  try {
    await until(
      'it is ready',
      () => output,
      (text) => /^ready on /m.test(text),
    );
    await runToEnd([process.execPath, program, '-H', host, 'network', 'ls'], clean);
    await until(
      'it has logged the call',
      () => output,
      (text) => text.includes('/networks'),
    );
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
  return (
    output
      .replaceAll('\r', '')
      .split('\n')
      .find((line) => line.includes('/networks')) ?? ''
  );
}

const readable = /^\S*2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\S* \S*DEBUG\S* .*\/networks/;

it('the log is text on a terminal, in colour unless NO_COLOR, and JSON in a pipe; --log-format decides otherwise', async () => {
  const onTerminal = await logOf('terminal', []);
  expect(onTerminal).toMatch(readable);
  expect(onTerminal).toContain('\u001b[90mDEBUG\u001b[0m');
  const plain = await logOf('terminal', [], { NO_COLOR: '1' });
  expect(plain).toMatch(readable);
  expect(plain).not.toContain('\u001b');
  expect(JSON.parse(await logOf('terminal', ['--log-format', 'json']))).toMatchObject({ level: 20 });
  expect(JSON.parse(await logOf('pipes', []))).toMatchObject({ level: 20 });
  const piped = await logOf('pipes', ['--log-format', 'text']);
  expect(piped).toMatch(readable);
  expect(piped).not.toContain('\u001b');
});
