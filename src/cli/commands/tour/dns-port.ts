import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** What the README and every page name. */
export const usualDnsPort = 5354;

/** The usual one unless somebody has it, then any that is free. */
export async function freeDnsPort(): Promise<number> {
  const usual = await bindBoth(usualDnsPort);
  return usual ?? (await anyFree());
}

const tries = 10;

async function anyFree(): Promise<number> {
  for (let attempt = 0; attempt < tries; attempt++) {
    const port = await bindBoth(0);
    if (port !== undefined) return port;
  }
  return 0;
}

/** DNS is on UDP and TCP. @returns undefined when somebody has one of them */
async function bindBoth(wanted: number): Promise<number | undefined> {
  const udp = createSocket('udp4');
  const tcp = createServer();
  try {
    udp.bind(wanted, '127.0.0.1');
    await once(udp, 'listening');
    const { port } = udp.address();
    tcp.listen(port, '127.0.0.1');
    await once(tcp, 'listening');
    return port;
  } catch {
    return undefined;
  } finally {
    udp.close();
    tcp.close();
  }
}
