import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { z } from 'zod';
import { runToEnd } from './daemon.ts';

const query = `
const query = (id, name) => {
  const labels = name.split('.').map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label)]));
  const header = Buffer.from('000001000001000000000000', 'hex');
  header.writeUInt16BE(id);
  return Buffer.concat([header, ...labels, Buffer.from('0000010001', 'hex')]);
};
const framed = (packet) => Buffer.concat([Buffer.from([packet.length >> 8, packet.length & 255]), packet]);`;

/** Names that nobody answers, each another one, and connections on which nothing is said, again and again. */
const floodScript = `${query}
const [server, rate, idle] = process.argv.slice(1);
const udp = require('node:dgram').createSocket('udp4').on('error', () => {});
let sent = 0, open = 0;
const hold = () => {
  const socket = require('node:net').connect(53, server, () => { open++; });
  socket.on('error', () => {}).on('close', () => { setTimeout(hold, 1000); });
};
udp.bind(() => {
  for (let n = 0; n < +idle; n++) hold();
  const began = performance.now();
  setInterval(() => {
    const due = Math.floor((performance.now() - began) * rate / 1000);
    for (; sent < due; sent++) udp.send(query(sent & 0xffff, 'n' + sent + '.silent.test'), 53, server);
    if (sent > +rate && open >= +idle) console.log('flooding');
  }, 5);
});`;

/** Takes turns over names and transports as musl does: sent again after 2.5 s, and right within five, or it has failed. */
const lookUpScript = `${query}
const [server, count, ...names] = process.argv.slice(1);
const within = (give) => new Promise((resolve) => {
  const timer = setTimeout(resolve, 5000, undefined);
  give((reply) => { clearTimeout(timer); resolve(reply); });
});
const overUdp = (packet) => {
  const socket = require('node:dgram').createSocket('udp4').on('error', () => {});
  const again = setTimeout(() => socket.send(packet, 53, server), 2500);
  const asked = within((end) => socket.on('message', end).send(packet, 53, server));
  return asked.finally(() => { clearTimeout(again); socket.close(); });
};
const overTcp = (packet) => {
  const socket = require('node:net').connect(53, server);
  return within((end) => {
    let received = Buffer.alloc(0);
    socket.on('error', () => end()).on('close', () => end()).on('connect', () => socket.write(framed(packet)));
    socket.on('data', (chunk) => {
      received = Buffer.concat([received, chunk]);
      if (received.length >= 2 && received.length >= 2 + received.readUInt16BE(0)) end(received.subarray(2));
    });
  }).finally(() => socket.destroy());
};
(async () => {
  for (const name of names) {
    for (const [transport, ask] of Object.entries({ udp: overUdp, tcp: overTcp })) {
      const times = [], failed = [];
      for (let n = 0; n < +count; n++) {
        const began = performance.now();
        const reply = await ask(query(n, name.replace('*', 'n' + n)));
        times.push(performance.now() - began);
        const isRight = reply && reply.readUInt16BE(0) === n && !(reply[3] & 15) && reply.readUInt16BE(6) === 1;
        if (!isRight) failed.push(reply ? 'rcode ' + (reply[3] & 15) : 'silence');
      }
      times.sort((a, b) => a - b);
      console.log(JSON.stringify({ name, transport, failed, p99: times[Math.ceil(times.length * 0.99) - 1] }));
    }
  }
})();`;

/** One asker that asks as much as it can. */
export class DnsFlood implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  /** Resolves when a second of it has been sent and as many connections as asked for were open once. */
  static async start(
    namespace: string,
    server: string,
    { rate, idle }: { readonly rate: number; readonly idle: number },
  ): Promise<DnsFlood> {
    const words = [`--net=${namespace}`, process.execPath, '-e', floodScript];
    const child = spawn('nsenter', [...words, server, String(rate), String(idle)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve, reject) => {
      child.once('exit', (code) => reject(new Error(`the flood ended with ${code}`)));
      createInterface(child.stdout).once('line', () => resolve());
    });
    child.stdout.resume();
    return new DnsFlood(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

const lookUps = z.object({
  name: z.string(),
  transport: z.string(),
  /** Why, of each that failed. */
  failed: z.array(z.string()),
  /** Milliseconds */
  p99: z.number(),
});

export type LookUps = z.infer<typeof lookUps>;

/** Looks each name up `count` times over UDP and over TCP, one after the other; `*` becomes another one each time. */
export async function lookUp(
  namespace: string,
  server: string,
  count: number,
  ...names: readonly string[]
): Promise<readonly LookUps[]> {
  const words = [
    'nsenter',
    `--net=${namespace}`,
    process.execPath,
    '-e',
    lookUpScript,
    server,
    String(count),
  ];
  const { stdout, stderr } = await runToEnd([...words, ...names]);
  if (stderr !== '') throw new Error(stderr);
  return stdout
    .trim()
    .split('\n')
    .map((line) => lookUps.parse(JSON.parse(line)));
}
