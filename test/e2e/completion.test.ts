import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cleanEnvironment, TestDaemon } from '../rig/daemon.ts';
import { TypedShell, type TypedShellName, typedShells } from '../rig/typed-shell.ts';
import { until } from '../rig/until.ts';

const dist = fileURLToPath(new URL('../../dist', import.meta.url));
const files = join(dist, 'completion');

/** How each shell finds files that are installed for it. */
const installed: Readonly<Record<TypedShellName, readonly string[]>> = {
  bash: [
    `ln -s ${files}/bash completions; BASH_COMPLETION_USER_DIR=$PWD`,
    '. /usr/share/bash-completion/bash_completion',
  ],
  fish: [`set -p fish_complete_path ${files}/fish`],
  zsh: [`fpath=(${files}/zsh $fpath); compinit -u -D`],
};

/** Line → what a tab makes of it. */
const completed: Readonly<Record<string, string>> = {
  'fairlead net': 'fairlead network ',
  'fairlead network cr': 'fairlead network create ',
  'fairlead network create --inte': 'fairlead network create --internal ',
  // Names that the daemon has.
  'fairlead network rm back': 'fairlead network rm backend ',
  'fairlead network rm backend fo': 'fairlead network rm backend foo ',
  'fairlead network rm backend back': 'fairlead network rm backend back',
  'fairlead network create -d br': 'fairlead network create -d bridge ',
  'fairlead service info d': 'fairlead service info db.foo ',
  'fairlead service attach we': 'fairlead service attach web ',
  'fairlead service attach web d': 'fairlead service attach web db.foo ',
  'fairlead service publish api.back': 'fairlead service publish api.backend ',
  'fairlead run --net=back': 'fairlead run --net=backend ',
  'fairlead events -f node=the-': 'fairlead events -f node=the-node ',
  'fairlead app scale bl': 'fairlead app scale blog ',
  // Keys and words.
  'fairlead network create -o com.docker.network.bridge.n':
    'fairlead network create -o com.docker.network.bridge.name=',
  'fairlead daemon --kv-store-opt ca': 'fairlead daemon --kv-store-opt cacertfile=',
  'fairlead daemon --log-format t': 'fairlead daemon --log-format text ',
  'fairlead ps -f network=back': 'fairlead ps -f network=backend ',
  // Files are the shell's.
  'fairlead daemon --config-file /etc/hostn': 'fairlead daemon --config-file /etc/hostname ',
  'fairlead daemon --config-file=/etc/hostn': 'fairlead daemon --config-file=/etc/hostname ',
  // Quotes are taken off, and nothing is evaluated.
  'fairlead "network" rm back': 'fairlead "network" rm backend ',
  'fairlead network rm $(touch evaluated) back': 'fairlead network rm $(touch evaluated) backend ',
  // The drop-ins: ours, the real docker's, and both.
  'docker netw': 'docker network ',
  'docker network rm back': 'docker network rm backend ',
  'docker service publ': 'docker service publish ',
  'docker service roll': 'docker service rollback ',
  'docker exec we': 'docker exec web ',
  'docker run --publish-s': 'docker run --publish-service ',
  'docker build --no-c': 'docker build --no-cache ',
  'dokku network:cr': 'dokku network:create ',
  'dokku network:destroy back': 'dokku network:destroy backend ',
  'dokku network:set bl': 'dokku network:set blog ',
  'dokku network:set blog initial-n': 'dokku network:set blog initial-network ',
  'dokku network:list --format j': 'dokku network:list --format json ',
  'dokku network:list --format=j': 'dokku network:list --format=json ',
};

/** Milliseconds for a line: a prompt waits for a daemon for 0.3 s, and then offers no names. */
const patienceMs = 15_000;

describe.concurrent('completion, typed into a real shell', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none', '--node-name', 'the-node'],
    });
    for (const network of ['foo', 'backend']) await daemon.ok('network', 'create', network);
    await daemon.ok('service', 'publish', 'db.foo');
    await daemon.ok('run', '-d', '--name', 'web', '--net', 'foo', 'image');
    await daemon.ok('app', 'create', 'blog');
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  /** As a user sets it up who reads docs/cli.md; `dokku` as a package does, by a file that the shell finds. */
  async function start(name: TypedShellName): Promise<TypedShell> {
    const env = {
      ...cleanEnvironment(),
      FAIRLEAD_HOST: daemon.host,
      PATH: `${dist}/bin:${process.env.PATH}`,
    };
    const lines = ['fairlead', 'docker'].map((program) =>
      name === 'fish'
        ? `fairlead completion fish ${program} | source`
        : `source <(fairlead completion ${name} ${program})`,
    );
    return await TypedShell.start(name, env, [...installed[name], ...lines]);
  }

  it.each(typedShells)('%s', async (name) => {
    await using shell = await start(name);
    const seen: Record<string, string> = {};
    for (const [line, whole] of Object.entries(completed)) {
      // On a machine that many tests share a daemon may be later than a prompt waits for it.
      const end = performance.now() + patienceMs;
      do seen[line] = await shell.completed(line);
      while (seen[line] !== whole && performance.now() < end);
    }
    expect(seen).toEqual(completed);
    expect(await readdir(shell.folder)).not.toContain('evaluated');

    const verbs = ['publish', 'Publish a service', 'detach', 'rollback'];
    const hasVerbs = (text: string) => verbs.every((verb) => text.includes(verb));
    await until('verbs', () => shell.listed('docker service '), hasVerbs, patienceMs);
    const hasNames = (text: string) => /backend .*bridge, local/.test(text);
    await until('names', () => shell.listed('fairlead network inspect '), hasNames, patienceMs);
  });
});
