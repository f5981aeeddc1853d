import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Ran, runToEnd } from '../rig/daemon.ts';
import { serverCache } from '../rig/server.ts';
import { until } from '../rig/until.ts';

const tools = ['iproute2', 'nftables', 'iputils-ping', 'procps', 'libstdc++6', 'init-system-helpers'];

/**
 * A Debian with nothing but its essentials and what Fairlead's package recommends, in a root directory, a network, and a
 * process table of its own. No route leads out of it.
 */
export class CleanRoot implements AsyncDisposable {
  #holder: ChildProcess | undefined;
  #pid = 0;

  private constructor(readonly path: string) {}

  static async create(): Promise<CleanRoot> {
    const root = new CleanRoot(await mkdtemp(join(tmpdir(), 'fairlead-root-')));
    try {
      await succeed(['tar', '-C', root.path, '-xf', await baseArchive()]);
      await root.#enter();
    } catch (error) {
      await root[Symbol.asyncDispose]();
      throw error;
    }
    return root;
  }

  /**
   * The namespace's own root, not a chroot: who enters a container's namespaces comes to that. Its first process waits for whatever
   * children others leave it.
   */
  async #enter(): Promise<void> {
    const init = 'while :; do sleep 1000 & wait; done';
    const script = `set -e; mount --bind ${this.path} ${this.path}; cd ${this.path}
      mount -t proc proc proc; mount -t sysfs sysfs sys; mount --rbind /dev dev; mount -t tmpfs tmpfs run
      echo '127.0.0.1 localhost' >etc/hosts; : >etc/resolv.conf; : >root/entered
      ip link set lo up; pivot_root . mnt; umount -l /mnt; exec /bin/sh -c '${init}'`;
    const words = ['--mount', '--net', '--pid', '--fork', '--kill-child', 'sh', '-c', script];
    const holder = spawn('unshare', words, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#holder = holder;
    const children = `/proc/${holder.pid}/task/${holder.pid}/children`;
    const inside = async () => Number((await readFile(children, 'utf8').catch(() => '')).trim());
    this.#pid = await until('the first process', inside);
    await until('the root', async () => (await this.run('test -e /root/entered')).code === 0);
  }

  /** A line of shell in it, as root. */
  async run(script: string): Promise<Ran> {
    const enter = ['nsenter', '-t', String(this.#pid), '-m', '-n', '-p', '--root', '--wd'];
    const env = {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      HOME: '/root',
      LANG: 'C',
    };
    return await runToEnd([...enter, '/bin/sh', '-c', script], env);
  }

  /** For what must succeed. @returns standard output */
  async ok(script: string): Promise<string> {
    const { code, stdout, stderr } = await this.run(script);
    if (code !== 0) throw new Error(`${script}: exit code ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Copies a file into /root. @returns where it is in there */
  async take(file: string): Promise<string> {
    await copyFile(file, join(this.path, 'root', basename(file)));
    return `/root/${basename(file)}`;
  }

  /** Everything of the kernel and of the file system that a package could have changed. */
  async state(): Promise<Readonly<Record<string, string>>> {
    const files = `find / -xdev ${notOurs.map((path) => `-path ${path} -prune -o`).join(' ')} \
      \\( -type f -printf '%p %m %u ' -exec md5sum -z {} \\; -printf '\\n' -o -printf '%p %m %u %l\\n' \\)`;
    return {
      rules: await this.ok('nft list ruleset'),
      links: await this.ok(
        'ip -d link; ip address; ip route show table all; ip -6 route show table all; ip rule',
      ),
      settings: await this.ok("sysctl -a 2>/dev/null | grep '^net' | grep -v nf_conntrack_count"),
      namespaces: await this.ok('ip netns'),
      processes: await this.ok(
        'ps -eo args | grep -v "ps -eo\\|^sh\\|^/bin/sh\\|grep\\|^sleep 1000\\|ARGS\\|COMMAND"; true',
      ),
      files: (await this.ok(files)).split('\n').sort().join('\n'),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const holder = this.#holder;
    if (holder && holder.exitCode === null && holder.signalCode === null) {
      const ended = new Promise((resolve) => holder.once('exit', resolve));
      holder.kill('SIGKILL');
      await ended;
    }
    await rm(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** dpkg's own books, and what programs that have nothing to do with a package write. */
const notOurs = [
  '/var/lib/dpkg',
  '/var/log',
  '/var/cache',
  '/root',
  '/tmp',
  '/etc/ld.so.cache',
  '/var/lib/systemd',
];

async function baseArchive(): Promise<string> {
  const file = join(serverCache, `root-${[...tools].sort().join('+')}.tar`);
  if (existsSync(file)) return file;
  await mkdir(serverCache, { recursive: true });
  const mirror = await runToEnd(['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Component: main']);
  const words = ['--quiet', '--variant=minbase', `--include=${tools.join(',')}`, 'bookworm'];
  await succeed(['mmdebstrap', ...words, `${file}.new.tar`, mirror.stdout.split('\n')[0] ?? '']);
  await rename(`${file}.new.tar`, file);
  return file;
}

async function succeed(words: readonly string[]): Promise<void> {
  const { code, stderr } = await runToEnd(words);
  if (code !== 0) throw new Error(`${words.join(' ')}: exit code ${code}\n${stderr}`);
}
