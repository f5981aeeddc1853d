import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import * as z from 'zod';
import { cleanEnvironment, runToEnd, TestDaemon } from '../rig/daemon.ts';
import { OwnFiles } from './own-files.ts';

export const modes = ['simulated', 'sandbox'] as const;
export type Mode = (typeof modes)[number];

/** The files whose tests are about what Fairlead does. The others are of swarm, images, plugins, secrets and builds. */
export const files: readonly string[] = [
  ...['api_network_test', 'models_networks_test', 'api_container_test', 'models_containers_test'],
  ...['api_exec_test', 'api_healthcheck_test', 'api_client_test', 'client_test', 'regression_test'],
];

const outcome = z.object({
  /** `api_network_test::TestNetworks::test_list_networks` */
  test: z.string().transform((id) => id.replace('tests/integration/', '').replace('.py', '')),
  outcome: z.enum(['passed', 'failed', 'skipped']),
  message: z.string(),
});
export type Outcome = z.infer<typeof outcome>;

/** Seconds for one test. docker-py's own waits are 60; where no program runs, there is nothing to wait for. */
const patience: Readonly<Record<Mode, number>> = { simulated: 5, sandbox: 90 };
/** The Engine's version that Fairlead is compared with: docker-py sends members that 1.52 dropped. */
const apiVersion = '1.51';
/** Debian's, which has pytest and what docker-py imports. */
const python = '/usr/bin/python3';

/** docker-py's tests, as a checkout has them, and its library of the same commit. */
export class DockerPy implements AsyncDisposable {
  private constructor(private readonly folder: string) {}

  /**
   * @param checkout a work tree or a git directory
   * @throws in one line, where it is none or Python has no pytest
   */
  static async copy(checkout: string): Promise<DockerPy> {
    const { code, stderr } = await runToEnd([python, '-c', 'import pytest, requests']).catch(() => noPython);
    if (code !== 0)
      throw new Error(
        `${python} cannot import pytest and requests (${lastLine(stderr)}): run bash test/rig/packages.sh`,
      );
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-docker-py-'));
    try {
      await copyCheckout(checkout, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
    return new DockerPy(folder);
  }

  /** Each file has a daemon, and in the sandbox mode a host's files, of its own. */
  async run(mode: Mode, file: string): Promise<readonly Outcome[]> {
    await using host = mode === 'sandbox' ? await OwnFiles.create() : undefined;
    const dataplane = mode === 'sandbox' ? 'linux' : 'simulated';
    await using daemon = await TestDaemon.start({
      flags: ['--dataplane', dataplane, '--engine', 'none', '--dns-listen', 'none'],
      ...(host && { enter: host.enter, dataRoot: host.dataRoot }),
    });
    const own = join(import.meta.dirname, '../../test/docker-py/python');
    const words = [python, '-m', 'pytest', '-q', '-p', 'outcomes', '-o', 'addopts=', ...plugins];
    // In the daemon's mount namespace: tests hand over folders that they have made.
    const enter = host ? ['nsenter', '-t', String(daemon.pid), '-m', `--wd=${this.folder}`] : [];
    const { stdout, stderr } = await runToEnd(
      [...enter, 'env', '-C', this.folder, ...words, `tests/integration/${file}.py`],
      {
        ...cleanEnvironment(),
        DOCKER_HOST: daemon.host,
        DOCKER_TEST_API_VERSION: apiVersion,
        OUTCOMES_SECONDS: String(patience[mode]),
        PYTHONPATH: `${own}:${this.folder}`,
        PYTHONDONTWRITEBYTECODE: '1',
      },
    );
    const lines = stdout.split('\n').filter((line) => line.startsWith(outcomeMark));
    if (lines.length === 0) throw new Error(`pytest ran no test of ${file}:\n${stdout}${stderr}`);
    return lines.map((line) => outcome.parse(JSON.parse(line.slice(outcomeMark.length))));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The second blames a test for a socket that an earlier one left to the garbage collector. */
const plugins = ['-p', 'no:cacheprovider', '-p', 'no:unraisableexception'];
/** As in python/outcomes.py. */
const outcomeMark = 'outcome: ';
const noPython = { code: 1, stderr: 'it is not there' };

async function copyCheckout(checkout: string, folder: string): Promise<void> {
  const source = resolve(checkout);
  const parts = ['docker', 'tests'];
  if (existsSync(join(source, 'tests/integration'))) {
    for (const part of parts) await cp(join(source, part), join(folder, part), { recursive: true });
    return;
  }
  const script =
    'git -C "$1" archive HEAD docker tests >"$2/checkout.tar" && tar -x -C "$2" -f "$2/checkout.tar"';
  const { code, stderr } = await runToEnd(['sh', '-ec', script, 'sh', source, folder]);
  if (code !== 0) throw new Error(`${checkout} is no checkout of docker-py: ${lastLine(stderr)}`);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
