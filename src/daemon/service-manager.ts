import { runToEnd } from '../lib/child.ts';
import { messageOf } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';

/**
 * Tells systemd (`Type=notify`) that the daemon is ready, so that what comes after it finds it so. Node has no
 * datagrams over unix sockets, hence the program. The variable is dropped: it is not for what the daemon starts.
 */
export async function tellReady(log: Logger, env: NodeJS.ProcessEnv = process.env): Promise<void> {
  const { NOTIFY_SOCKET: socket } = env;
  delete env.NOTIFY_SOCKET;
  if (!socket) return;
  try {
    const { code, stderr } = await runToEnd(['systemd-notify', '--ready'], {
      env: { ...env, NOTIFY_SOCKET: socket },
    });
    if (code !== 0) throw new Error(`systemd-notify ended with exit code ${code}: ${stderr.trim()}`);
  } catch (error) {
    log.warn({ err: error }, `systemd was not notified that the daemon is ready: ${messageOf(error)}`);
  }
}
