import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { promisify } from 'node:util';

const start = promisify(execFile);

const serverScript = `
const [port, name] = process.argv.slice(1);
const net = require('node:net'), dgram = require('node:dgram');
const said = (address) => name + ' ' + address.replace('::ffff:', '');
net.createServer((c) => { c.on('error', () => {}); c.end(said(c.remoteAddress)); }).listen(+port, '::', () => {
  const udp = dgram.createSocket('udp6');
  udp.on('message', (_, from) => udp.send(said(from.address), from.port, from.address));
  udp.bind(+port, '::', () => console.log('ready'));
});`;

const clientScript = `
const [protocol, host, port] = process.argv.slice(1);
const end = (said) => { console.log(said); process.exit(); };
setTimeout(end, 1500, 'silence');
if (protocol === 'udp') {
  const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
  socket.on('error', (e) => end(e.code)).on('message', (data) => end(String(data)));
  socket.send('?', +port, host);
} else {
  require('node:net').connect(+port, host).on('data', (data) => end(String(data))).on('error', (e) => end(e.code))
    .on('end', () => end('closed'));
}`;

/** Answers on TCP and UDP, IPv4 and IPv6, with its name and the address that it sees: `web 10.0.0.1`. */
export class Echo implements AsyncDisposable {
  private constructor(private readonly child: ChildProcess) {}

  /** `namespace`: path of the network namespace. */
  static async start(namespace: string, port: number, name: string): Promise<Echo> {
    const words = [`--net=${namespace}`, process.execPath, '-e', serverScript, String(port), name];
    const child = spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise<void>((resolve, reject) => {
      child.stdout.once('data', () => resolve());
      child.once('exit', (code) => reject(new Error(`the echo server ended with ${code}`)));
    });
    return new Echo(child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}

/** What the server says, or `silence` after 1.5 s, or the error's code. */
export async function ask(
  namespace: string,
  protocol: 'tcp' | 'udp',
  host: string,
  port: number,
): Promise<string> {
  const words = [`--net=${namespace}`, process.execPath, '-e', clientScript, protocol, host, String(port)];
  return (await start('nsenter', words)).stdout.trim();
}

const steadyScript = `
const [host, port] = process.argv.slice(1);
const socket = require('node:dgram').createSocket(host.includes(':') ? 'udp6' : 'udp4');
socket.on('error', () => {}).on('message', (data) => console.log(String(data)));
setInterval(() => socket.send('?', +port, host), 25);`;

/** A UDP client that goes on sending from one port, as a game or a VPN does: one flow for conntrack. */
export class SteadyClient implements AsyncDisposable {
  /** What it was answered last. */
  heard = '';

  private constructor(private readonly child: ChildProcess) {
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.heard = text.trim().split('\n').at(-1) ?? '';
    });
  }

  /** `namespace`: path of the network namespace that it sends from. */
  static start(namespace: string, host: string, port: number): SteadyClient {
    const words = [`--net=${namespace}`, process.execPath, '-e', steadyScript, host, String(port)];
    return new SteadyClient(spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}
