import { type ChildProcess, spawn } from 'node:child_process';
import { until } from './until.ts';

const serverScript = `
const [port, name] = process.argv.slice(1);
require('node:net').createServer((c) => { c.on('error', () => {}); c.end(name); }).listen(+port, '::');`;

/** One connection after another, each given up after 100 ms; a line per answer: when it came (Unix, ms), and its text. */
const clientScript = `
const [host, port] = process.argv.slice(1);
const { connect } = require('node:net');
const next = () => {
  let said = '';
  const socket = connect(+port, host);
  const end = () => { clearTimeout(timer); socket.destroy(); setTimeout(next, 2); };
  const timer = setTimeout(end, 100);
  socket.on('error', end).on('data', (data) => { said += data; });
  socket.on('end', () => { console.log(Date.now() + ' ' + said); end(); });
};
next();`;

/** The program of a container that answers each TCP connection with its name. */
export const namedServer = (port: number, name: string): readonly string[] => [
  process.execPath,
  '-e',
  serverScript,
  String(port),
  name,
];

/** A client that connects again and again, and remembers who answered when. */
export class Reconnecting implements AsyncDisposable {
  readonly #answers: { readonly at: number; readonly name: string }[] = [];

  private constructor(private readonly child: ChildProcess) {
    let rest = '';
    child.stdout?.on('data', (chunk) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [at = '', name = ''] = line.split(' ');
        this.#answers.push({ at: Number(at), name });
      }
    });
  }

  /** `namespace`: path of the network namespace. */
  static start(namespace: string, host: string, port: number): Reconnecting {
    const words = [`--net=${namespace}`, process.execPath, '-e', clientScript, host, String(port)];
    return new Reconnecting(spawn('nsenter', words, { stdio: ['ignore', 'pipe', 'inherit'] }));
  }

  /** Who answered last. */
  get last(): string | undefined {
    return this.#answers.at(-1)?.name;
  }

  /** Names in the order of their answers, each once until another answers. */
  get order(): readonly string[] {
    return this.#answers.map(({ name }) => name).filter((name, at, all) => name !== all[at - 1]);
  }

  /** When somebody else than `name` answered first after `since` (Unix, ms): milliseconds from there. */
  async other(name: string, since: number, deadlineMs = 30_000): Promise<number> {
    const found = await until(
      `another than ${name} answers`,
      () => this.#answers.find((answer) => answer.at >= since && answer.name !== name),
      (answer) => answer !== undefined,
      deadlineMs,
    );
    return (found?.at ?? since) - since;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.kill('SIGKILL');
    await ended;
  }
}
