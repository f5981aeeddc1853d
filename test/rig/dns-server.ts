import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** Says on standard output what it is asked, name and type; what has the label `silent` gets no answer. */
const script = `
const [address] = process.argv.slice(1);
const answer = (query) => {
  const labels = [];
  let at = 12;
  for (; query[at]; at += query[at] + 1) labels.push(query.toString('latin1', at + 1, at + 1 + query[at]));
  console.log(labels.join('.') + ' ' + query.readUInt16BE(at + 1));
  if (labels.includes('silent')) return undefined;
  const isAddress = query.readUInt16BE(at + 1) === 1;
  const record = Buffer.from(isAddress ? 'c00c000100010000003c0004c6336407' : '', 'hex');
  const reply = Buffer.concat([query.subarray(0, at + 5), record]);
  reply.writeUInt16BE(0x8180, 2);
  reply.writeUInt16BE(isAddress ? 1 : 0, 6);
  reply.writeUInt32BE(0, 8);
  return reply;
};
require('node:net').createServer((client) => {
  let received = Buffer.alloc(0);
  client.on('error', () => {}).on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    while (received.length > 2 && received.length >= 2 + received.readUInt16BE(0)) {
      const reply = answer(received.subarray(2, 2 + received.readUInt16BE(0)));
      received = received.subarray(2 + received.readUInt16BE(0));
      if (reply) client.write(Buffer.concat([Buffer.from([reply.length >> 8, reply.length & 255]), reply]));
    }
  });
}).listen(53, address, () => {
  const udp = require('node:dgram').createSocket('udp4');
  udp.on('message', (query, from) => {
    const reply = answer(query);
    if (reply) udp.send(reply, from.port, from.address);
  });
  udp.bind(53, address, () => console.log('ready'));
});`;

/** A resolver in a network namespace that knows every name (198.51.100.7), and remembers what it was asked. */
export class DnsServer implements AsyncDisposable {
  /** `NAME TYPE` */
  readonly asked: string[] = [];

  private constructor(private readonly child: ChildProcess) {}

  static async start(namespace: string, address: string): Promise<DnsServer> {
    const words = [`--net=${namespace}`, process.execPath, '-e', script, address];
    const child = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    const server = new DnsServer(child);
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the DNS server ended with ${code}`)));
      createInterface(child.stdout).on('line', (line) => {
        if (line === 'ready') resolve();
        else server.asked.push(line);
      });
    });
    return server;
  }

  /** What it was asked of names that have this in them. */
  askedFor(part: string): readonly string[] {
    return this.asked.filter((line) => line.includes(part));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}
