import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * Benchmarks start a great many processes, and so run in a pen: process and mount namespaces of their own, with
 * a `/run/netns` and a temporary directory of their own. However they end, the kernel ends every process that
 * they started, and their network namespaces with the last of these.
 */
const inside = 'FAIRLEAD_BENCH_PEN';

/** Whether this process is in it; without root there is none, and nothing that would need it. */
export function isPenned(): boolean {
  return process.env[inside] !== undefined || process.getuid?.() !== 0;
}

/** Runs this program again, in a pen. @returns its exit code */
export async function runPenned(): Promise<number> {
  const temporary = await mkdtemp(join(tmpdir(), 'fairlead-bench-'));
  try {
    // No exec: the namespace's first process has to take in what its orphans leave, which a shell does.
    const script = 'mkdir -p /run/netns && mount -t tmpfs none /run/netns && "$@"; exit $?';
    const pen = ['unshare', '--mount', '--pid', '--mount-proc', '--fork', '--kill-child=KILL'];
    const program = ['sh', '-c', script, 'sh', process.execPath, ...process.argv.slice(1)];
    const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
    const env = { ...environment, [inside]: '1', TMPDIR: temporary };
    // Dies with us, whatever kills us.
    const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...pen, ...program], { stdio: 'inherit', env });
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => child.kill('SIGKILL'));
    return await new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('exit', (code, signal) => resolve(signal ? 128 + constants.signals[signal] : (code ?? 1)));
    });
  } finally {
    await rm(temporary, { recursive: true, force: true, maxRetries: 5 });
  }
}
