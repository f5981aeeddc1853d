import { type ChildProcess, spawn } from 'node:child_process';

/** What a continuous ping has seen. */
export interface PingRecord {
  /** Up to the last one that was answered. */
  readonly sent: number;
  readonly received: number;
  /** When the lost ones were given up for the next one to be sent, in Unix milliseconds. */
  readonly lostAt: readonly number[];
  /** When answers came, in Unix milliseconds. */
  readonly answeredAt: readonly number[];
}

/** A continuous ping inside a network namespace, which no daemon has to do with. */
export class Pinger implements AsyncDisposable {
  #output = '';

  private constructor(private readonly process: ChildProcess) {
    process.stdout?.on('data', (chunk: Buffer) => {
      this.#output += chunk;
    });
  }

  /** Resolves at the first answer. */
  static async start(namespace: string, address: string, intervalMs: number): Promise<Pinger> {
    const args = ['-n', '-D', '-O', '-i', String(intervalMs / 1000), '-W', '1', address];
    const child = spawn('nsenter', [`--net=${namespace}`, 'ping', ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const pinger = new Pinger(child);
    await new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!/icmp_seq=\d+ ttl/.test(pinger.#output)) return;
        // Each look reads all that was said.
        child.stdout?.off('data', look);
        resolve();
      };
      child.stdout?.on('data', look);
      child.once('exit', () => reject(new Error(`ping ${address} ended: ${pinger.#output}`)));
      setTimeout(() => reject(new Error(`${address} does not answer: ${pinger.#output}`)), 10_000).unref();
    });
    return pinger;
  }

  async stop(): Promise<PingRecord> {
    const ended = new Promise((resolve) => this.process.once('close', resolve));
    this.process.kill('SIGINT');
    await ended;
    const answered = [...this.#output.matchAll(/icmp_seq=(\d+) ttl/g)].map(([, seq]) => Number(seq));
    return {
      // Not as ping counts: one that was under way when it was stopped is not lost.
      sent: Math.max(0, ...answered),
      received: new Set(answered).size,
      lostAt: this.#lost(new Set(answered)),
      answeredAt: this.#times(/^\[([\d.]+)\] \d+ bytes from/gm),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.process.exitCode === null && this.process.signalCode === null) await this.stop();
  }

  /** Not those whose answer came later than the next one was sent. */
  #lost(answered: ReadonlySet<number>): number[] {
    const silent = this.#output.matchAll(/^\[([\d.]+)\] no answer yet for icmp_seq=(\d+)/gm);
    return [...silent].flatMap(([, time, seq]) => (answered.has(Number(seq)) ? [] : [Number(time) * 1000]));
  }

  #times(pattern: RegExp): number[] {
    return [...this.#output.matchAll(pattern)].map(([, seconds]) => Number(seconds) * 1000);
  }
}
