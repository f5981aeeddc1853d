import { expect } from 'vitest';
import type { CleanRoot } from './clean-root.ts';

/** Starts `fairlead daemon` as whoever has no service manager does, and waits until it is ready. */
export async function startDaemon(root: CleanRoot, flags = ''): Promise<void> {
  const started = `rm -f /root/daemon.log; fairlead daemon --engine none ${flags} >/root/daemon.log 2>&1 & echo $! >/root/daemon.pid`;
  const ready = 'for i in $(seq 300); do grep -qs "^ready on" /root/daemon.log && exit 0; sleep 0.1; done';
  await root.ok(`${started}; ${ready}; cat /root/daemon.log; exit 1`);
}

export async function endDaemon(root: CleanRoot): Promise<void> {
  await root.ok('pid=$(cat /root/daemon.pid); kill $pid; while kill -0 $pid 2>/dev/null; do sleep 0.1; done');
}

/** The seed's story with packets: a container finds a service by its name and reaches it. */
export async function useSandbox(root: CleanRoot): Promise<void> {
  // Builds before 0.2.0 say "way".
  expect(await root.ok('cat /root/daemon.log')).toMatch(/: sandbox (mode|way) \(/);
  await root.ok('fairlead network create foo; fairlead run -d --name c1 --publish-service db.foo web');
  await root.ok('fairlead run -d --name c2 --net foo web sleep 3600');
  expect(await root.ok('fairlead exec c2 getent hosts db')).toBe('172.18.0.2      db\n');
  expect(await root.ok('fairlead exec c2 ping -qc1 db')).toContain('1 received, 0% packet loss');
}

/** Pings through what is done meanwhile. @returns what ping says at its end */
export async function pinging(root: CleanRoot, meanwhile: () => Promise<void>): Promise<string> {
  await root.ok('fairlead run -d --name pinger --net foo web ping -qi 0.02 db');
  await meanwhile();
  await root.ok('fairlead kill -s INT pinger; fairlead wait pinger');
  return await root.ok('fairlead logs pinger');
}
