import { FairleadError } from '../../../lib/errors.ts';

/** Those of an IPC namespace. */
const ofIpc = new Set(
  ['msgmax', 'msgmnb', 'msgmni', 'sem', 'shmall', 'shmmax', 'shmmni', 'shm_rmid_forced'].map(
    (name) => `kernel.${name}`,
  ),
);

/** Only what a container has of its own can be set for it. @throws invalid, in runc's words */
export function parseSysctls(
  { Sysctls, IpcMode }: { readonly Sysctls: Readonly<Record<string, string>>; readonly IpcMode: string },
  networkMode: string,
): Readonly<Record<string, string>> {
  const entries = Object.entries(Sysctls).map(([text, value]) => {
    const key = text.replaceAll('/', '.');
    const why = whyNot(key, networkMode === 'host', IpcMode === 'host');
    if (why) throw new FairleadError('invalid', `sysctl "${key}" ${why}`);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    if (!/^[\w.-]+$/.test(key) || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
      throw new FairleadError('invalid', `sysctl "${key}" has characters that no setting has`);
    }
    return [key, value] as const;
  });
  return Object.fromEntries(entries);
}

function whyNot(key: string, hostNetwork: boolean, hostIpc: boolean): string | undefined {
  if (ofIpc.has(key) || key.startsWith('fs.mqueue.')) {
    return hostIpc ? 'is not allowed in the hosts ipc namespace' : undefined;
  }
  if (key.startsWith('net.')) return hostNetwork ? 'not allowed in host network namespace' : undefined;
  return 'is not in a separate kernel namespace';
}
