import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { atExit } from './at-exit.mjs';
import { endedWell } from './run.mjs';

/** Whatever this command uses is what V8 has ready later: it talks to a daemon that knows one network. */
const warmUp = {
  fairlead: ['network', 'ls', '-q'],
  docker: ['network', 'ls', '-q'],
  dokku: ['network:list'],
};

/** What V8 compiles of the programs in `outdir/bin` is left beside them, for this Node (bin/launcher.cjs). */
export async function compileAhead(outdir, node = process.execPath) {
  for (const name of Object.keys(warmUp)) await compileCliAhead(node, `${outdir}/bin/${name}`);
  await compileDaemonAhead(node, `${outdir}/bin/fairlead`);
}

async function compileCliAhead(node, file) {
  const name = basename(file);
  await withTemporaryDirectory(async (directory) => {
    const socket = join(directory, 'socket');
    const network = { Id: '0', Name: 'foo', Created: '', Driver: 'bridge' };
    const server = createServer((_request, response) => response.end(JSON.stringify([network])));
    await once(server.listen(socket), 'listening');
    const env = { FAIRLEAD_HOST: `unix://${socket}`, FAIRLEAD_WRITE_CODE_CACHE: `${name} yargs` };
    await endedWell(startAhead(node, [file, ...warmUp[name]], env));
    server.close();
  });
}

/** A daemon that starts and stops, with a KV store that is not there: what it ran is what V8 has ready later. */
async function compileDaemonAhead(node, file) {
  await withTemporaryDirectory(async (directory) => {
    const places = ['--data-root', directory, '-H', `unix://${directory}/socket`];
    const rest = ['--dataplane', 'simulated', '--dns-listen', 'none', '--kv-store', 'etcd:127.0.0.1:1'];
    const words = [file, 'daemon', ...places, ...rest, '--log-level', 'fatal'];
    const child = startAhead(node, words, { FAIRLEAD_WRITE_CODE_CACHE: 'daemon etcd3' });
    for await (const line of createInterface(child.stdout))
      if (line.startsWith('ready ')) child.kill('SIGTERM');
    await endedWell(child);
  });
}

function startAhead(node, words, env) {
  const stdio = ['ignore', 'pipe', 'inherit'];
  const child = spawn(node, words, { env: { ...process.env, ...env }, stdio });
  atExit(() => child.kill('SIGKILL'));
  return child;
}

async function withTemporaryDirectory(use) {
  const directory = mkdtempSync(join(tmpdir(), 'fairlead-build-'));
  const remove = () => rmSync(directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 });
  atExit(remove);
  try {
    await use(directory);
  } finally {
    remove();
  }
}
