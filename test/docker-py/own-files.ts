import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TestHost } from '../rig/namespace.ts';
import { serverCache } from '../rig/server.ts';

/**
 * A host whose files are this machine's until they are written to: what containers of the sandbox mode write is gone with
 * it. Its `top` is busybox's, as in docker-py's image: procps' ends without a terminal. Its `postgres` is the image's, too.
 */
export class OwnFiles implements AsyncDisposable {
  private constructor(
    private readonly network: TestHost,
    private readonly folder: string,
  ) {}

  static async create(): Promise<OwnFiles> {
    const network = await TestHost.create();
    const folder = await mkdtemp(join(tmpdir(), 'fairlead-files-'));
    await cp(join(serverCache, 'busybox-static/bin/busybox'), join(folder, 'top'));
    await mkdir(join(folder, 'data'));
    return new OwnFiles(network, folder);
  }

  /** The only folder that this machine sees as well: the daemon's socket is there. */
  get dataRoot(): string {
    return join(this.folder, 'data');
  }

  /** The words in front of the program that makes it. They are replaced by the program, which keeps their process id. */
  get enter(): readonly string[] {
    const script = `
      set -e; cd ${this.folder}; mkdir layers root
      mount -t tmpfs none layers; mkdir layers/upper layers/work
      mount -t overlay -o lowerdir=/,upperdir=layers/upper,workdir=layers/work none root
      cp top root/usr/bin/top
      grep -q ^postgres: /etc/passwd || echo postgres:x:70:70::/:/bin/sh >>root/etc/passwd
      for shared in /proc /dev; do mount --rbind $shared root$shared; done
      mount -t tmpfs none root/run
      mount -t sysfs none root/sys; mount -t cgroup2 none root/sys/fs/cgroup 2>/dev/null || true
      mkdir -p root${this.dataRoot}; mount --bind data root${this.dataRoot}
      cd root; mkdir .before; pivot_root . .before; umount -l /.before; rmdir /.before
      cd /; exec "$@"`;
    return ['nsenter', `--net=${this.network.path}`, 'unshare', '-m', 'sh', '-c', script, 'sh'];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.network[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true, force: true });
  }
}
