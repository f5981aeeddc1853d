import assert from 'node:assert/strict';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP link on loopback that a test can cut. */
export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** Bytes that the target has sent so far. */
  readonly received: () => number;
  /** Like a cable pulled out: nothing passes, and no end is told. New connections are taken and hang, too. */
  freeze(): void;
  /** Like a server gone: connections are reset, new ones too. */
  refuse(): void;
  heal(): void;
}

export async function startProxy(target: number): Promise<Proxy> {
  let state: 'open' | 'frozen' | 'refusing' = 'open';
  const sockets = new Set<Socket>();
  let received = 0;
  const keep = (socket: Socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)).on('error', () => {}));
    // Else small requests would wait for acknowledgements, 40 ms each.
    socket.setNoDelay(true);
  };
  const server = createServer((client) => {
    keep(client);
    if (state === 'refusing') return client.resetAndDestroy();
    if (state === 'frozen') return client.pause();
    const upstream = connect({ host: '127.0.0.1', port: target });
    keep(upstream);
    upstream.on('data', ({ length }) => {
      received += length;
    });
    client.pipe(upstream).on('close', () => client.destroy());
    upstream.pipe(client).on('close', () => upstream.destroy());
    return client;
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(address && typeof address === 'object');
  const reset = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: address.port,
    received: () => received,
    freeze: () => {
      state = 'frozen';
      for (const socket of sockets) socket.unpipe().pause();
    },
    refuse: () => {
      state = 'refusing';
      reset();
    },
    heal: () => {
      if (state === 'frozen') reset();
      state = 'open';
    },
    [Symbol.asyncDispose]: async () => {
      reset();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
