import { createExec, type Exec } from './exec.ts';
import { type IpSession, IpSessions } from './sessions/ip-session.ts';
import { NftSession } from './sessions/nft-session.ts';

/** The programs that act on a host's network, in the namespace that is the host's. */
export interface LinuxHost {
  readonly exec: Exec;
  /** Below `batch` (ip.ts): what a session carried out needs no process of its own. */
  readonly ip: IpSession;
  readonly nft: Pick<NftSession, 'run' | 'close'>;
  /** This process is in the host's namespace: its own /proc/sys/net is the host's. */
  readonly inHost: boolean;
}

/** `hostNamespace` is for tests: the path of the namespace that plays the host's. */
export function openLinuxHost(hostNamespace?: string): LinuxHost {
  const enter = hostNamespace ? ['nsenter', `--net=${hostNamespace}`] : [];
  return {
    exec: createExec(hostNamespace),
    ip: new IpSessions(enter),
    nft: new NftSession(enter),
    inHost: hostNamespace === undefined,
  };
}

/** Starts a process for each command, as suits who gives few of them. */
export function withoutSessions(exec: Exec, inHost = false): LinuxHost {
  const nothingDone = async () => ({ done: 0 });
  const ip = {
    run: nothingDone,
    renew: nothingDone,
    warmUp() {},
    interfacesIn: async () => undefined,
    async leave() {},
    async close() {},
  };
  return { exec, ip, nft: { run: async () => false, async close() {} }, inHost };
}
