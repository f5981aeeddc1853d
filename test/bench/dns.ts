import { type ChildProcess, execFile, fork, spawnSync } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { z } from 'zod';
import { makeQuery } from '../unit/dns-fixture.ts';

/**
 * Queries per second and CPU per query of the responder beside a bare dgram echo and a naive dns2
 * server: each a process of its own, loaded from this one over loopback, taking turns.
 */

const rounds = 3;
const roundMs = 1200;
const sockets = 8;
/** Queries under way per socket: enough to keep the server busy, below what its socket buffer holds. */
const window = 16;

interface Case {
  readonly title: string;
  readonly target: string;
  readonly names: readonly string[];
}

const services = Array.from({ length: 100 }, (_, n) => `service-${n}`);
const cases: readonly Case[] = [
  { title: 'bare dgram echo', target: 'echo', names: services },
  { title: 'fairlead, 1 address', target: 'fairlead', names: services },
  { title: 'fairlead, 10,000 services', target: 'fairlead-10k', names: services },
  { title: 'fairlead, 28 addresses', target: 'fairlead', names: ['many'] },
  { title: 'fairlead, no such name', target: 'fairlead', names: ['nope'] },
  { title: 'naive dns2, 1 address', target: 'dns2', names: services },
];

const portMessage = z.object({ port: z.number() });
const usageMessage = z.object({
  cpuMicros: z.number(),
  rss: z.number(),
  decoded: z.number(),
  encoded: z.number(),
});
type Usage = z.infer<typeof usageMessage>;

export interface DnsResult {
  readonly title: string;
  readonly qps: number;
  readonly cpuMicros: number;
  /** Against the echo of the same round; the median of the rounds. */
  readonly qpsRatio: number;
  readonly cpuRatio: number;
  /** Uses of dns2's encoder and decoder per query. */
  readonly codecPerQuery: number;
  readonly rssMegabytes: number;
}

/** Prints the table and returns its rows. Takes about half a minute. */
export async function run(print: (line: string) => void = console.log): Promise<readonly DnsResult[]> {
  const program = 'dist/bench/dns-target.js';
  await bundle(program);
  const targets = new Map<string, Target>();
  try {
    for (const { target } of cases) {
      if (!targets.has(target)) targets.set(target, await Target.start(program, target));
    }
    const samples = await measureInTurn(targets);
    const results = cases.map(({ title }) => summarise(title, samples));
    printTable(results, print);
    return results;
  } finally {
    for (const target of targets.values()) target.stop();
  }
}

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: ['test/bench/dns-target.ts'],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
}

interface Sample {
  readonly title: string;
  readonly round: number;
  readonly qps: number;
  readonly cpuMicros: number;
  readonly codecPerQuery: number;
  readonly rss: number;
}

async function measureInTurn(targets: ReadonlyMap<string, Target>): Promise<readonly Sample[]> {
  const samples: Sample[] = [];
  // Unmeasured: each program's code is to be compiled before it counts.
  for (const { target, names } of cases) await targets.get(target)?.load(names);
  for (let round = 0; round < rounds; round++) {
    for (const { title, target, names } of cases) {
      const process = targets.get(target);
      if (process) samples.push({ title, round, ...(await process.load(names)) });
    }
  }
  return samples;
}

function summarise(title: string, samples: readonly Sample[]): DnsResult {
  const own = samples.filter((sample) => sample.title === title);
  const ratio = (of: (sample: Sample) => number) =>
    median(
      own.map((sample) => {
        const echo = samples.find(
          ({ title: other, round }) => other === cases[0]?.title && round === sample.round,
        );
        return echo ? of(sample) / of(echo) : Number.NaN;
      }),
    );
  return {
    title,
    qps: median(own.map(({ qps }) => qps)),
    cpuMicros: median(own.map(({ cpuMicros }) => cpuMicros)),
    qpsRatio: ratio(({ qps }) => qps),
    cpuRatio: ratio(({ cpuMicros }) => cpuMicros),
    codecPerQuery: median(own.map(({ codecPerQuery }) => codecPerQuery)),
    rssMegabytes: Math.max(...own.map(({ rss }) => rss)) / 2 ** 20,
  };
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function printTable(results: readonly DnsResult[], print: (line: string) => void): void {
  print(
    `load: ${hasDnsperf ? 'dnsperf' : 'our own generator'}, ${sockets} sockets, ${sockets * window} queries under way`,
  );
  print('DNS                          queries/s  × echo   CPU µs/query  × echo   dns2 codec/query   RSS MB');
  for (const { title, qps, qpsRatio, cpuMicros, cpuRatio, codecPerQuery, rssMegabytes } of results) {
    const cells = [
      title.padEnd(27),
      qps.toFixed(0).padStart(10),
      qpsRatio.toFixed(2).padStart(7),
      cpuMicros.toFixed(2).padStart(14),
      cpuRatio.toFixed(2).padStart(7),
      codecPerQuery.toFixed(2).padStart(18),
      rssMegabytes.toFixed(0).padStart(8),
    ];
    print(cells.join(' '));
  }
}

/** A server under test, and the load on it. */
class Target {
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
  ) {}

  static async start(program: string, what: string): Promise<Target> {
    const child = fork(program, [what]);
    const [message] = await once(child, 'message');
    return new Target(child, portMessage.parse(message).port);
  }

  stop(): void {
    this.child.disconnect();
  }

  async load(names: readonly string[]): Promise<Omit<Sample, 'title' | 'round'>> {
    const before = await this.#usage();
    const { count, seconds } = hasDnsperf
      ? await loadByDnsperf(this.port, names)
      : await loadOurselves(this.port, names);
    const after = await this.#usage();
    const codec = after.encoded + after.decoded - before.encoded - before.decoded;
    return {
      qps: count / seconds,
      cpuMicros: (after.cpuMicros - before.cpuMicros) / count,
      codecPerQuery: codec / count,
      rss: after.rss,
    };
  }

  async #usage(): Promise<Usage> {
    this.child.send('usage');
    const [message] = await once(this.child, 'message');
    return usageMessage.parse(message);
  }
}

interface Load {
  readonly count: number;
  readonly seconds: number;
}

const hasDnsperf = spawnSync('dnsperf', ['-h'], { stdio: 'ignore' }).error === undefined;

async function loadByDnsperf(port: number, names: readonly string[]): Promise<Load> {
  const file = 'dist/bench/dns-queries.txt';
  writeFileSync(file, names.map((name) => `${name} A\n`).join(''));
  const limits = ['-l', String(roundMs / 1000), '-c', String(sockets), '-q', String(sockets * window)];
  const where = ['-s', '127.0.40.1', '-p', String(port), '-a', '127.0.40.2', '-d', file, '-e'];
  const { stdout } = await promisify(execFile)('dnsperf', [...where, ...limits]);
  const count = Number(/Queries completed:\s+(\d+)/.exec(stdout)?.[1]);
  return { count, seconds: Number(/Run time \(s\):\s+([\d.]+)/.exec(stdout)?.[1]) };
}

async function loadOurselves(port: number, names: readonly string[]): Promise<Load> {
  const queries = names.map((name) => makeQuery(name, { edns: 1232 }));
  const started = performance.now();
  const loaders = await Promise.all(Array.from({ length: sockets }, (_, n) => Loader.open(port, queries, n)));
  await wait(roundMs);
  const count = loaders.reduce((total, { answered }) => total + answered, 0);
  for (const loader of loaders) loader.close();
  return { count, seconds: (performance.now() - started) / 1000 };
}

/** One socket that keeps its window full: each answer is followed by the next query. */
class Loader {
  answered = 0;
  #next = 0;
  readonly #refill: NodeJS.Timeout;
  #seen = 0;

  private constructor(
    private readonly socket: Socket,
    private readonly queries: readonly Buffer[],
  ) {
    socket.on('message', () => {
      this.answered++;
      this.#ask();
    });
    for (let n = 0; n < window; n++) this.#ask();
    // Datagrams may be lost; a window that has run dry is filled again.
    this.#refill = setInterval(() => {
      if (this.#seen === this.answered) for (let n = 0; n < window; n++) this.#ask();
      this.#seen = this.answered;
    }, 200);
  }

  static async open(port: number, queries: readonly Buffer[], n: number): Promise<Loader> {
    const socket = createSocket('udp4');
    // From the address of a service, as which it then asks.
    await new Promise<void>((resolve) => socket.bind(0, `127.0.40.${n + 2}`, resolve));
    await new Promise<void>((resolve) => socket.connect(port, '127.0.40.1', resolve));
    return new Loader(socket, queries);
  }

  close(): void {
    clearInterval(this.#refill);
    this.socket.removeAllListeners('message');
    this.socket.close();
  }

  #ask(): void {
    const query = this.queries[this.#next++ % this.queries.length];
    if (query) this.socket.send(query);
  }
}

function wait(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
