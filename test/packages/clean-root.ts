import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type Ran, runToEnd } from '../rig/daemon.ts';
import { serverCache } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { succeed } from './before.ts';

const tools = ['iproute2', 'nftables', 'iputils-ping', 'procps', 'libstdc++6', 'init-system-helpers'];
const withSystemd = [...tools, 'systemd', 'systemd-sysv', 'dbus'];

/**
 * A Debian with nothing but its essentials and what Fairlead's package recommends, in a root directory, a network, and a
 * process table of its own. No route leads out of it. Its first process is a shell, or systemd.
 */
export class CleanRoot implements AsyncDisposable {
  #holder: ChildProcess | undefined;
  #pid = 0;

  private constructor(
    readonly path: string,
    private readonly init: Init,
  ) {}

  static async create(init: Init = shell): Promise<CleanRoot> {
    const root = new CleanRoot(await mkdtemp(join(tmpdir(), 'fairlead-root-')), init);
    try {
      await succeed(['tar', '-C', root.path, '-xf', await baseArchive(init.packages)], '/');
      await root.#enter();
    } catch (error) {
      await root[Symbol.asyncDispose]();
      throw error;
    }
    return root;
  }

  /** The namespace's own root, not a chroot: who enters a container's namespaces comes to that. */
  async #enter(): Promise<void> {
    const script = `set -e; mount --bind ${this.path} ${this.path}; cd ${this.path}
      mount -t proc proc proc; mount -t sysfs sysfs sys; mount -t tmpfs -o mode=755 tmpfs run
      ${this.init.mounts}; touch run/entered
      echo '127.0.0.1 localhost' >etc/hosts; : >etc/resolv.conf
      ip link set lo up; pivot_root . mnt; umount -l /mnt; exec ${this.init.command}`;
    const own = ['--mount', '--net', '--pid', '--uts', '--ipc', '--cgroup', '--fork', '--kill-child'];
    await this.init.before(basename(this.path));
    // No other program: the holder's first child is the one that is looked for.
    const words = [
      '-c',
      `${this.init.join(basename(this.path))}; exec "$@"`,
      'sh',
      'unshare',
      ...own,
      'sh',
      '-c',
      script,
    ];
    const holder = spawn('sh', words, { stdio: ['ignore', 'ignore', 'inherit'] });
    this.#holder = holder;
    const children = `/proc/${holder.pid}/task/${holder.pid}/children`;
    const inside = async () => Number((await readFile(children, 'utf8').catch(() => '')).trim());
    this.#pid = await until('the first process', inside);
    await until('the root', async () => (await this.run(this.init.isReady)).code === 0, Boolean, 60_000);
  }

  /** A line of shell in it, as root. */
  async run(script: string): Promise<Ran> {
    const enter = ['nsenter', '-t', String(this.#pid), '-m', '-n', '-p', '-u', '-i', '-C', '--root', '--wd'];
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
    const pruned = notOurs.map((path) => `-path ${path} -prune -o`).join(' ');
    const files = `find / -xdev ${pruned} -printf '%p %m %u %l\\n'; find / -xdev ${pruned} -type f -exec md5sum {} +`;
    return {
      rules: await this.ok('nft list ruleset'),
      links: await this.ok(
        'ip -d link; ip address; ip route show table all; ip -6 route show table all; ip rule',
      ),
      settings: await this.ok("sysctl -a 2>/dev/null | grep '^net' | grep -v nf_conntrack_count"),
      namespaces: await this.ok('ip netns'),
      processes: await this.ok(
        'ps -eo args | grep -v "ps -eo\\|^sh\\|^/bin/sh\\|grep\\|^sleep 1000\\|ARGS\\|COMMAND\\|systemd\\|^(sd-pam)"; true',
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
    await this.init.after(basename(this.path));
    await rm(this.path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** What a root begins with. */
export interface Init {
  readonly packages: readonly string[];
  /** On the machine, for the root of that name. */
  before(name: string): Promise<void>;
  after(name: string): Promise<void>;
  /** A line of shell, by who becomes the holder. */
  join(name: string): string;
  /** Lines of shell, in the root's folder before it is the root. */
  readonly mounts: string;
  readonly command: string;
  readonly isReady: string;
}

/** It waits for whatever children others leave it. */
const shell: Init = {
  packages: tools,
  before: async () => {},
  after: async () => {},
  join: () => ':',
  mounts: 'mount --rbind /dev dev',
  command: `/bin/sh -c 'while :; do sleep 1000 & wait; done'`,
  isReady: 'test -e /run/entered',
};

/** The tree of control groups that systemd can have a part of, whether others are there beside it or not. */
const groups = existsSync('/sys/fs/cgroup/unified') ? '/sys/fs/cgroup/unified' : '/sys/fs/cgroup';

/** As in a container of LXC: nothing of the machine is seen, and no device. */
export const systemd: Init = {
  packages: withSystemd,
  async before(name) {
    await mkdir(join(groups, name));
  },
  async after(name) {
    await runToEnd(['find', join(groups, name), '-depth', '-type', 'd', '-exec', 'rmdir', '{}', ';']);
  },
  join: (name) => `echo $$ >${join(groups, name)}/cgroup.procs`,
  mounts: `mount -t cgroup2 cgroup2 sys/fs/cgroup; mount -t tmpfs -o mode=755 tmpfs dev; mount -t tmpfs tmpfs tmp
    for name in null zero full random urandom tty; do : >dev/$name; mount --bind /dev/$name dev/$name; done
    mkdir dev/pts dev/shm; mount -t devpts -o newinstance,ptmxmode=666,mode=620 devpts dev/pts
    mount -t tmpfs tmpfs dev/shm; ln -s pts/ptmx dev/ptmx; ln -s /proc/self/fd dev/fd; : >etc/hostname
    echo 0123456789abcdef0123456789abcdef >etc/machine-id`,
  command: 'env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system',
  isReady: 'test -e /run/entered && systemctl is-system-running | grep -qx running',
};

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

/** The one that this machine's apt asks. */
export async function debianMirror(): Promise<string> {
  const asked = ['apt-get', 'indextargets', '--format', '$(REPO_URI)', 'Component: main'];
  return (await runToEnd(asked)).stdout.split('\n')[0] ?? '';
}

async function baseArchive(packages: readonly string[]): Promise<string> {
  const file = join(serverCache, `root-${[...packages].sort().join('+')}.tar`);
  if (existsSync(file)) return file;
  await mkdir(serverCache, { recursive: true });
  const words = ['--quiet', '--variant=minbase', `--include=${packages.join(',')}`, 'bookworm'];
  await succeed(['mmdebstrap', ...words, `${file}.new.tar`, await debianMirror()], '/');
  await rename(`${file}.new.tar`, file);
  return file;
}
