import { writeFile } from 'node:fs/promises';
import { FairleadError } from '../../lib/errors.ts';
import { output } from './exec.ts';
import type { LinuxHost } from './linux-host.ts';

/** A file below /proc/sys/net and what to write to it. */
export interface Setting {
  readonly file: string;
  readonly value: string;
}

const root = '/proc/sys/net';

/**
 * Of the host's namespace. A file that is not there is left out: of a kernel without IPv6, or of a device that has
 * gone, which whoever works on it will notice.
 */
export async function writeSettings(host: LinuxHost, settings: readonly Setting[]): Promise<void> {
  if (host.inHost) await Promise.all(settings.map(writeOne));
  else await Promise.all([...byValue(settings)].map(([value, files]) => writeElsewhere(host, value, files)));
}

/** Several processes for it would be a tenth of what an attach costs. */
async function writeOne({ file, value }: Setting): Promise<void> {
  await writeFile(`${root}/${file}`, value).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
  });
}

/** /proc/sys/net shows the namespace of who opens it. */
async function writeElsewhere(host: LinuxHost, value: string, files: readonly string[]): Promise<void> {
  const argv = ['tee', ...files.map((file) => `${root}/${file}`)] as const;
  const { code, stderr } = await host.exec(argv, { input: value });
  const faults = stderr
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith('No such file or directory'));
  if (code !== 0 && faults.length > 0) await output(host, argv, { input: value });
}

function byValue(settings: readonly Setting[]): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>();
  for (const { file, value } of settings) files.set(value, [...(files.get(value) ?? []), file]);
  return files;
}

/**
 * A device of ours believes nobody: a router advertisement from a container would become the host's default route
 * (CVE-2020-13401), and outlive the container. Before the device is up, or carries anything.
 */
export function deafness(device: string, ipv6: boolean): readonly Setting[] {
  const of6 = ['accept_ra', 'autoconf', 'accept_redirects'].map((name) => ({
    file: `ipv6/conf/${device}/${name}`,
    value: '0',
  }));
  return [
    ...of6,
    { file: `ipv6/conf/${device}/disable_ipv6`, value: ipv6 ? '0' : '1' },
    { file: `ipv4/conf/${device}/accept_redirects`, value: '0' },
  ];
}

/**
 * The same inside a sandbox, of an interface with IPv6; its namespace has IPv6 off for new ones (netns.ts), and on `lo` as
 * well where the host's kernel was started with ipv6.disable_ipv6=1.
 */
const scriptInside = [
  'cd /proc/sys/net/ipv6/conf/"$1" && echo 0 > accept_ra && echo 0 > autoconf && echo 0 > accept_redirects',
  'echo "$2" > disable_ipv6',
  '{ [ "$2" = 1 ] || echo 0 > ../lo/disable_ipv6; }',
].join(' && ');

/** Switches IPv6 of a sandbox's interface on or off. */
export async function setIpv6(
  host: LinuxHost,
  namespacePath: string,
  device: string,
  on: boolean,
): Promise<void> {
  const argv = ['/bin/sh', '-c', scriptInside, 'sh', device, on ? '0' : '1'] as const;
  await output(host, argv, { namespace: namespacePath });
}

const scriptEach =
  'while [ $# -gt 0 ]; do [ -f "$1" ] || { echo "$1 is not a sysctl file" >&2; exit 1; }; printf %s "$2" > "$1" || exit 1; shift 2; done';

/** Inside a sandbox, what somebody asked for: none is left out. @throws invalid */
export async function writeInside(
  host: LinuxHost,
  namespacePath: string,
  settings: readonly Setting[],
): Promise<void> {
  if (settings.length === 0) return;
  const words = settings.flatMap(({ file, value }) => [`${root}/${file}`, value]);
  const { code, stderr } = await host.exec(['/bin/sh', '-c', scriptEach, 'sh', ...words], {
    namespace: namespacePath,
  });
  if (code !== 0) throw new FairleadError('invalid', stderr.trim());
}
