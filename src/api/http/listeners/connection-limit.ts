import type { Server, Socket } from 'node:net';
import type { QuietLog } from '../../../lib/quiet-log.ts';

/** Connections at once that one address may have. */
export const maxConnectionsPerAddress = 1024;

/** So that one client cannot use up the file descriptors that all others need. */
export function limitConnections(server: Server, quiet: QuietLog, most = maxConnectionsPerAddress): void {
  const open = new Map<string, number>();
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? '';
    const count = (open.get(address) ?? 0) + 1;
    if (count > most) {
      quiet.log(`closed a connection of ${address}: it has ${most} open, and one address may not have more`);
      socket.destroy();
      return;
    }
    open.set(address, count);
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1;
      if (left === 0) open.delete(address);
      else open.set(address, left);
    });
  });
}
