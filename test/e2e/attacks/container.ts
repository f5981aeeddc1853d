import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeControl } from '../../../src/container/shim/frames.ts';
import { runToEnd, TestDaemon } from '../../rig/daemon.ts';
import { TestHost } from '../../rig/namespace.ts';
import { type Attack, attackGroup, type Outcome } from './attack.ts';

/** A daemon that was given an open file of a secret, by a careless parent; and a folder that all may enter. */
class ContainerStage implements AsyncDisposable {
  private constructor(
    readonly host: TestHost,
    readonly daemon: TestDaemon,
    readonly folder: string,
  ) {}

  static async open(): Promise<ContainerStage> {
    const folder = mkdtempSync(join(tmpdir(), 'flt-attack-'));
    chmodSync(folder, 0o755);
    writeFileSync(join(folder, 'secret'), 'the secret\n', { mode: 0o600 });
    copyFileSync('/bin/cat', join(folder, 'setuid-cat'));
    chmodSync(join(folder, 'setuid-cat'), 0o4755);
    const host = await TestHost.create();
    const enter = [...leaking(folder), 'nsenter', `--net=${host.path}`];
    const daemon = await TestDaemon.start({ enter, flags: ['--dataplane', 'linux', '--dns-listen', 'none'] });
    const stage = new ContainerStage(host, daemon, folder);
    await daemon.ok('run', '-d', '--name', 'victim', '-e', 'PASSWORD=the secret', 'img', 'sleep', '1000');
    return stage;
  }

  /** What a program in a container prints, both streams. */
  async inside(flags: readonly string[], script: string): Promise<string> {
    const { stdout, stderr } = await this.daemon.run(
      'fairlead',
      'run',
      '--rm',
      ...flags,
      'img',
      'sh',
      '-c',
      script,
    );
    return `${stdout}${stderr}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.host[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts what follows with the secret open at 25, and at 200. */
function leaking(folder: string): readonly string[] {
  return ['bash', '-c', `exec 25<>${folder}/secret 200<>${folder}/secret; exec "$@"`, 'bash'];
}

const readOpenFiles =
  'find -L /proc/self/fd -maxdepth 1 -type f -exec cat {} + 2>/dev/null; bash -c "cat <&25; cat <&200" 2>&1';
/** The shim is the parent of the container's first program. */
const lookIntoShim =
  'cat /proc/$PPID/environ >/dev/null && ls /proc/$PPID/root/ >/dev/null && readlink /proc/$PPID/fd/0 && echo in';
const setCorePattern =
  'read -r pattern < /proc/sys/kernel/core_pattern && echo "$pattern" > /proc/sys/kernel/core_pattern && echo set';
const remount = 'mount -o remount,bind,rw none / && echo writable';
const unmask = 'umount /proc/kcore /proc/keys 2>/dev/null && echo unmasked';

const attacks: readonly Attack<ContainerStage>[] = [
  {
    name: 'read a file that the daemon has open (CVE-2024-21626)',
    attempt: async (stage) => got(await stage.inside(['-u', 'nobody'], readOpenFiles), 'the secret'),
    // The same program, as the same user, below a parent that lets its children inherit.
    async control({ folder }) {
      const user = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];
      const { stdout } = await runToEnd([...leaking(folder), ...user, 'bash', '-c', 'cat <&25']);
      return got(stdout, 'the secret');
    },
  },
  {
    name: 'the same from an exec',
    async attempt({ daemon }) {
      const { stdout, stderr } = await daemon.run(
        'fairlead',
        'exec',
        '-u',
        'nobody',
        'victim',
        'sh',
        '-c',
        readOpenFiles,
      );
      return got(`${stdout}${stderr}`, 'the secret');
    },
    async control({ folder }) {
      const { stdout } = await runToEnd([
        ...leaking(folder),
        'nsenter',
        '--mount=/proc/self/ns/mnt',
        'bash',
        '-c',
        'cat <&200',
      ]);
      return got(stdout, 'the secret');
    },
  },
  {
    name: 'look into the shim: its environment, files and root',
    attempt: async (stage) => got(await stage.inside([], lookIntoShim), 'in\n'),
    control: async (stage) => got(await stage.inside(['--cap-add', 'ALL'], lookIntoShim), 'in\n'),
  },
  {
    name: 'have a shim run a program with all capabilities, as root without any',
    attempt: async (stage) =>
      got(await stage.inside(['--cap-drop', 'ALL'], await askShim(stage)), 'CapEff:\t0000'),
    // Root without capabilities where the directories are to be seen.
    async control(stage) {
      const bare = ['setpriv', '--bounding-set=-all', 'sh', '-c', await askShim(stage)];
      const { stdout } = await stage.daemon.inHost(...bare);
      return { succeeded: /CapEff:\t0{0,8}[1-9a-f]/.test(stdout), seen: stdout.trim() };
    },
  },
  {
    name: 'have the host run a program at the next crash (core_pattern)',
    attempt: async (stage) => got(await stage.inside([], setCorePattern), 'set\n'),
    control: async (stage) => got(await stage.inside(['--privileged'], setCorePattern), 'set\n'),
  },
  {
    name: "read a device of the host by a node of one's own making",
    attempt: async (stage) => got(await stage.inside([], makeNode(stage, 'made-1')), 'read\n'),
    control: async (stage) => got(await stage.inside(['--privileged'], makeNode(stage, 'made-2')), 'read\n'),
  },
  {
    name: 'the same in /dev and in a tmpfs',
    async attempt(stage) {
      const flags = ['--tmpfs', `${stage.folder}/memory`];
      const tries = ['/dev', '/dev/shm', `${stage.folder}/memory`].map((folder) =>
        openZero(`${folder}/made`),
      );
      return got(await stage.inside(flags, tries.join('; ')), 'read\n');
    },
    control: async (stage) =>
      got(await stage.inside(['--privileged'], openZero('/dev/made-by-test')), 'read\n'),
  },
  {
    name: 'become root by a setuid program, under no-new-privileges',
    attempt: async (stage) =>
      got(
        await stage.inside(['-u', 'nobody', '--security-opt', 'no-new-privileges'], becomeRoot(stage)),
        'the secret',
      ),
    control: async (stage) => got(await stage.inside(['-u', 'nobody'], becomeRoot(stage)), 'the secret'),
  },
  {
    name: 'make a read-only host writable again',
    attempt: async (stage) => got(await stage.inside(['--read-only'], remount), 'writable\n'),
    control: async (stage) =>
      got(await stage.inside(['--read-only', '--cap-add', 'sys_admin'], remount), 'writable\n'),
  },
  {
    name: "see the kernel's masked files",
    attempt: async (stage) =>
      got(await stage.inside([], `${unmask} || umount /proc/keys && echo unmasked`), 'unmasked\n'),
    control: async (stage) =>
      got(await stage.inside(['--cap-add', 'SYS_ADMIN'], 'umount /proc/keys && echo unmasked'), 'unmasked\n'),
  },
  {
    name: "read another container's environment through the daemon's database, as nobody",
    async attempt(stage) {
      const { dataRoot } = stage.daemon;
      const look = `find -L ${dataRoot}/store /proc/[0-9]*/fd -maxdepth 1 -type f -exec cat {} + 2>/dev/null`;
      const script = `${look} | grep -a -q "PASSWORD=the secret" && echo found || echo not found`;
      return got(await stage.inside(['-u', 'nobody'], script), 'found\n', 'not found\n');
    },
    async control({ daemon }) {
      const { stdout } = await daemon.inHost(
        'sh',
        '-c',
        `cat ${daemon.dataRoot}/store/* | grep -a -c "PASSWORD=the secret"`,
      );
      return { succeeded: Number(stdout) > 0, seen: `${stdout.trim()} times, by root of the host` };
    },
  },
  {
    name: 'take away the mode of a device that is everybody’s',
    attempt: async (stage) => got(await stage.inside([], 'chmod 666 /dev/null && echo done'), 'done\n'),
    control: async (stage) =>
      got(await stage.inside(['--privileged'], 'chmod 666 /dev/null && echo done'), 'done\n'),
  },
];

/** The kernel's log is a device as a disk is, and one that every machine has and lets its root open. */
function makeNode({ folder }: ContainerStage, name: string): string {
  const node = join(folder, name);
  return `mknod ${node} c 1 11 && dd if=${node} of=/dev/null bs=8k count=1 && echo read; rm -f ${node}`;
}

/** Connects to the victim's shim and asks for a program that nothing is taken from. */
async function askShim({ daemon }: ContainerStage): Promise<string> {
  const { stdout } = await daemon.run('fairlead', 'ps', '-q', '--no-trunc');
  const tools = { setpriv: '/usr/bin/setpriv', prlimit: '/usr/bin/prlimit', env: '/usr/bin/env' };
  const exec = {
    ...{
      command: ['grep', 'CapEff', '/proc/self/status'],
      env: { PATH: '/bin' },
      workingDir: '/',
      openStdin: false,
    },
    user: { uid: 0, gid: 0, groups: [] },
    confinement: { noNewPrivileges: false, ulimits: [], tools },
  };
  const frame = encodeControl({ exec }).toString('base64');
  const program = `require("net").connect("shim.sock", function () {
    this.write(Buffer.from("${frame}", "base64")); this.pipe(process.stdout); })`;
  return `cd ${daemon.dataRoot}/containers/${stdout.trim()} && ${process.execPath} -e '${program}'`;
}

function openZero(node: string): string {
  return `mknod ${node} c 1 5 && head -c 1 ${node} >/dev/null && echo read; rm -f ${node}`;
}

function becomeRoot({ folder }: ContainerStage): string {
  return `${folder}/setuid-cat ${folder}/secret`;
}

function got(text: string, wanted: string, missed?: string): Outcome {
  const [last = ''] = text.trim().split('\n').slice(-1);
  return { succeeded: text.includes(wanted) && text !== missed, seen: last.slice(0, 100) || 'nothing' };
}

export const containerAttacks = attackGroup('a program in a container', () => ContainerStage.open(), attacks);
