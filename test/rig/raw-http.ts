import { connect, type Socket } from 'node:net';

/** A client that sees the bytes: what an HTTP library would hide about upgrades and streams. */
export class RawClient {
  #received = Buffer.alloc(0);
  readonly ended: Promise<void>;
  #wake: () => void = () => {};

  constructor(private readonly socket: Socket) {
    socket.on('data', (data: Buffer) => {
      this.#received = Buffer.concat([this.#received, data]);
      this.#wake();
    });
    this.ended = new Promise((resolve) => {
      socket.on('end', resolve).on('close', () => resolve());
    });
    socket.on('end', () => this.#wake());
    socket.on('error', () => {});
  }

  /** To a unix socket, or to a port of 127.0.0.1. */
  static async connect(where: string | number): Promise<RawClient> {
    const target = typeof where === 'string' ? { path: where } : { port: where, host: '127.0.0.1' };
    const socket = connect({ ...target, allowHalfOpen: true });
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve).once('error', reject);
    });
    return new RawClient(socket);
  }

  get text(): string {
    return this.#received.toString('latin1');
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** A request with a JSON body, if any. */
  request(method: string, path: string, body = '', headers: readonly string[] = []): void {
    const lines = [
      `${method} ${path} HTTP/1.1`,
      'Host: docker',
      'Content-Type: application/json',
      ...headers,
    ];
    this.send(`${lines.join('\r\n')}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  }

  upgrade(path: string, body = ''): void {
    this.request('POST', path, body, ['Connection: Upgrade', 'Upgrade: tcp']);
  }

  /** Says that no more will be sent, and goes on reading. */
  halfClose(): void {
    this.socket.end();
  }

  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Resolves once the text received satisfies; fails after ten seconds. */
  async until(satisfies: (text: string) => boolean): Promise<string> {
    const deadline = Date.now() + 10_000;
    while (!satisfies(this.text)) {
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`waited in vain; received ${JSON.stringify(this.text)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.text;
  }
}
