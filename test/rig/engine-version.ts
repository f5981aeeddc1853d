import { mkdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { serverCache } from './server.ts';

/** The Engines that test/rig/packages.sh unpacks. */
export const engineVersions = ['28.5', '20.10'] as const;
export type EngineVersion = (typeof engineVersions)[number];

/** Today's: what our answers are compared with. */
export const oracleVersion: EngineVersion = '28.5';

const unpacked = (path: string) => join(serverCache, path);

interface Programs {
  readonly dockerd: string;
  readonly containerd: string;
  /** Where each finds what it calls. */
  readonly folders: readonly string[];
}

const programs: Readonly<Record<EngineVersion, Programs>> = {
  // One of Debian 13 runs on this Debian's libc, its runc does not.
  '28.5': {
    dockerd: unpacked('28.5/docker.io/usr/sbin/dockerd'),
    containerd: unpacked('28.5/containerd/usr/bin/containerd'),
    folders: ['28.5/docker.io/usr/sbin', '28.5/containerd/usr/bin', 'runc/usr/sbin'].map(unpacked),
  },
  '20.10': {
    dockerd: unpacked('docker.io/usr/sbin/dockerd'),
    containerd: unpacked('containerd/usr/bin/containerd'),
    folders: ['docker.io/usr/sbin', 'docker.io/usr/bin', 'containerd/usr/bin', 'runc/usr/sbin'].map(unpacked),
  },
};

export function engineProgram(version: EngineVersion, name: 'dockerd' | 'containerd'): string {
  return programs[version][name];
}

/** Docker's own command line of that version; an own `docker` of the machine is left out of it. */
export const dockerCli: Readonly<Record<EngineVersion, string>> = {
  '28.5': unpacked('28.5/docker-cli/usr/bin/docker'),
  '20.10': unpacked('docker.io/usr/bin/docker'),
};

/** `docker compose` 2.40 as a program of its own: `composeProgram up -d`. */
export const composeProgram = unpacked('28.5/docker-compose/usr/libexec/docker/cli-plugins/docker-compose');

/** The unpacked programs under the names that dockerd looks for; links to some are put below `directory`. */
export async function engineEnvironment(
  directory: string,
  version: EngineVersion = oracleVersion,
): Promise<NodeJS.ProcessEnv> {
  const bin = join(directory, 'bin');
  await mkdir(bin, { recursive: true });
  const multi = unpacked('iptables/usr/sbin/xtables-nft-multi');
  for (const name of ['iptables', 'ip6tables', 'iptables-save', 'iptables-restore', 'ip6tables-restore']) {
    await rm(join(bin, name), { force: true });
    await symlink(multi, join(bin, name));
  }
  const folders = [bin, ...programs[version].folders];
  return {
    ...process.env,
    PATH: `${folders.join(':')}:/usr/sbin:/usr/bin:/sbin:/bin`,
    XTABLES_LIBDIR: unpacked('iptables/usr/lib/x86_64-linux-gnu/xtables'),
    TMPDIR: directory,
  };
}
