import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';
import type { PortTarget, PublishedPort } from '../../firewall.ts';

export interface Relay {
  /** Ends what is under way as well. */
  close(): Promise<void>;
}

/** Where to, asked anew for each connection; undefined: nobody is there yet. */
type Target = () => PortTarget | undefined;

/** Rejects with the system's error when the port cannot be had. */
export async function bindTcp({ address, port }: PublishedPort, target: Target): Promise<Relay> {
  const open = new Set<net.Socket>();
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) => {
    const to = target();
    if (!to) return client.resetAndDestroy();
    const onward = net.connect({ host: to.address, port: to.port, allowHalfOpen: true });
    join(client, onward);
    for (const socket of [client, onward]) {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
    }
  });
  server.listen({ host: address, port, ipv6Only: address.includes(':') });
  await once(server, 'listening');
  server.unref();
  return {
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of open) socket.destroy();
      await closed;
    },
  };
}

/** Each side's end of data is passed on; an error or reset of one ends the other. */
function join(client: net.Socket, onward: net.Socket): void {
  for (const [from, to] of [
    [client, onward],
    [onward, client],
  ] as const) {
    from.on('error', () => to.resetAndDestroy());
    from.once('close', () => to.destroySoon());
    from.pipe(to);
  }
}

/** As docker-proxy: a client that is silent for so long is forgotten. Milliseconds. */
const udpIdleMs = 90_000;
/** Clients of one port at a time; beyond, the one that has been there longest is forgotten. */
const maxUdpClients = 1024;

/** Rejects with the system's error when the port cannot be had. */
export async function bindUdp({ address, port }: PublishedPort, target: Target): Promise<Relay> {
  const six = address.includes(':');
  const socket = dgram.createSocket({ type: six ? 'udp6' : 'udp4', ...(six && { ipv6Only: true }) });
  const clients = new Map<string, dgram.Socket>();
  socket.bind({ address, port, exclusive: true });
  await once(socket, 'listening');
  socket.unref();
  socket.on('error', () => {});
  socket.on('message', (data, from) => {
    const key = `${from.address} ${from.port}`;
    const to = target();
    if (!to) return;
    const onward = clients.get(key) ?? openUdp(to, (answer) => socket.send(answer, from.port, from.address));
    if (!clients.has(key)) {
      onward.once('close', () => clients.delete(key));
      clients.set(key, onward);
      if (clients.size > maxUdpClients) [...clients.values()][0]?.close();
    }
    onward.send(data, to.port, to.address);
  });
  return {
    async close() {
      for (const client of clients.values()) client.close();
      const closed = once(socket, 'close');
      socket.close();
      await closed;
    },
  };
}

function openUdp({ address }: PortTarget, answer: (data: Buffer) => void): dgram.Socket {
  const socket = dgram.createSocket(address.includes(':') ? 'udp6' : 'udp4');
  const idle = setTimeout(() => socket.close(), udpIdleMs).unref();
  socket.unref();
  socket.on('message', (data) => {
    idle.refresh();
    answer(data);
  });
  socket.on('error', () => {});
  socket.once('close', () => clearTimeout(idle));
  return socket;
}
