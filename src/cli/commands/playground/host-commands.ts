import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { namespaceFile, portOf } from './wires.ts';

export interface HostCommand {
  /** What is typed: `h1`. */
  readonly name: string;
  readonly namespace: string;
  /** For FAIRLEAD_HOST. */
  readonly daemon: string;
}

/** Writes `h1`, `h2` …, which run the words after them on a host, and `wire`, which takes a host off and puts it back. */
export async function writeCommands(
  folder: string,
  { hosts, middle, bin, path }: { hosts: readonly HostCommand[]; middle: string; bin: string; path: string },
): Promise<void> {
  await Promise.all([
    ...hosts.map((host) => writeScript(join(folder, host.name), hostScript(host, bin, path))),
    writeScript(join(folder, 'wire'), wireScript(middle, hosts.length)),
  ]);
}

function hostScript({ name, namespace, daemon }: HostCommand, bin: string, path: string): string {
  return `#!/bin/sh
# ${name}: runs a command on this host of the playground; without one, a shell.
export FAIRLEAD_HOST=${quote(daemon)} PATH=${quote(`${bin}:${path}:/usr/sbin:/sbin`)} PS1='${name}# '
exec nsenter --net=${quote(namespaceFile(namespace))} "\${@:-sh}"
`;
}

function wireScript(middle: string, count: number): string {
  const ports = Array.from({ length: count }, (_, i) => `h${i + 1}) port=${portOf(i + 1)} ;;`).join('\n  ');
  return `#!/bin/sh
# wire HOST up|down
case $1 in
  ${ports}
  *) echo "wire: expected h1 to h${count}, then up or down" >&2; exit 125 ;;
esac
exec ip -n ${quote(middle)} link set "$port" "$2"
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

async function writeScript(file: string, text: string): Promise<void> {
  await writeFile(file, text, { mode: 0o755 });
}
