import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { CliRun } from './cli.ts';

/** Today's CLI, which test/rig/packages.sh unpacks: a host's own may be of any age. */
const program = join(
  process.env.FAIRLEAD_TEST_CACHE ?? join(homedir(), '.cache/fairlead-test'),
  '28.5/docker-cli/usr/bin/docker',
);

/** Runs the real docker CLI against a socket. */
export async function realDocker(args: readonly string[], socketPath: string): Promise<CliRun> {
  if (!existsSync(program)) throw new Error(`no ${program}: run test/rig/packages.sh`);
  const env = { ...process.env, DOCKER_HOST: `unix://${socketPath}`, DOCKER_CONFIG: '/nonexistent' };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: 60_000 });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      written[name] += text;
    });
  }
  const code = await new Promise<number>((resolve, reject) => {
    child.on('error', reject).on('close', (status) => resolve(status ?? -1));
  });
  return { code, ...written };
}
