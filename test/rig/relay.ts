import { type ChildProcess, spawn } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';

export interface RelayPlan {
  /** Path of the namespace that clients come from. */
  readonly namespace: string;
  /** Where they connect to, in that namespace. */
  readonly address: string;
  readonly port: number;
  /** Port on this process's loopback that they are connected with. */
  readonly target: number;
  /** For the socket. */
  readonly directory: string;
}

/**
 * A server on loopback, made reachable in another network namespace: a process there listens and hands each
 * connection through a unix socket, which knows no namespaces, to this process.
 */
export class Relay implements AsyncDisposable {
  private constructor(
    private readonly inside: ChildProcess,
    private readonly outside: Server,
    private readonly sockets: ReadonlySet<Socket>,
    private readonly path: string,
  ) {}

  static async start({ namespace, address, port, target, directory }: RelayPlan): Promise<Relay> {
    const path = join(directory, 'relay.sock');
    const sockets = new Set<Socket>();
    const keep = (socket: Socket) => sockets.add(socket.once('close', () => sockets.delete(socket)));
    const outside = createServer({ allowHalfOpen: true }, (client) => {
      const server = connect({ host: '127.0.0.1', port: target, allowHalfOpen: true });
      for (const socket of [client, server]) keep(socket);
      splice(client, server);
    });
    await new Promise<void>((resolve) => outside.listen(path, resolve));
    const args = [`--net=${namespace}`, process.execPath, '-e', listener, address, String(port), path];
    const inside = spawn('nsenter', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      inside.stdout?.once('data', () => resolve());
      inside.once('exit', (code) => reject(new Error(`the relay on ${address}:${port} ended with ${code}`)));
    });
    return new Relay(inside, outside, sockets, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.inside.exitCode === null && this.inside.signalCode === null) {
      const ended = new Promise((resolve) => this.inside.once('exit', resolve));
      this.inside.kill('SIGKILL');
      await ended;
    }
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.outside.close(resolve));
    await rm(this.path, { force: true });
  }
}

function splice(one: Socket, other: Socket): void {
  for (const [from, to] of [[one, other] as const, [other, one] as const]) {
    from.pipe(to);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
  }
}

const listener = `
const net = require('node:net');
const [address, port, path] = process.argv.slice(1);
const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
  const outer = net.connect({ path, allowHalfOpen: true });
  for (const [from, to] of [[client, outer], [outer, client]]) {
    from.pipe(to);
    from.on('error', () => to.destroy()).on('close', () => to.destroy());
  }
});
server.listen(Number(port), address, () => console.log('listening'));`;
