import { fileURLToPath } from 'node:url';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { type Benchmark, compare, type Row } from './row.ts';

const rounds = 30;
const fairlead = fileURLToPath(new URL('../../dist/bin/fairlead', import.meta.url));

export const cli: Benchmark = {
  about: 'what a command costs beside `node -e 0`',
  async run(say) {
    await using daemon = await TestDaemon.start({
      flags: ['--dataplane', 'simulated', '--dns-listen', 'none'],
    });
    const [ours, bare]: [Spent[], Spent[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      bare.push(await spend(['-e', '0'], daemon.host));
      ours.push(await spend([fairlead, 'network', 'ls'], daemon.host));
    }
    say(`${rounds} rounds`);
    return [row('wall clock', 'wallMs', ours, bare), row('CPU', 'cpuMs', ours, bare)];
  },
};

interface Spent {
  readonly wallMs: number;
  readonly cpuMs: number;
}

function row(what: string, key: keyof Spent, ours: readonly Spent[], bare: readonly Spent[]): Row {
  return compare({
    what: `CLI: network ls, ${what}`,
    unit: 'ms',
    ours: ours.map((spent) => spent[key]),
    peer: { name: 'node -e 0', values: bare.map((spent) => spent[key]) },
    budget: { value: 'ratio', atMost: 1.8 },
  });
}

/** One run of Node. Only a shell is told what its child has used, to the millisecond. */
async function spend(words: readonly string[], host: string): Promise<Spent> {
  const script = 'TIMEFORMAT="%3R %3U %3S"; time "$@" >/dev/null';
  // It adds a tenth of a second to every start of Node.
  const { NODE_EXTRA_CA_CERTS: _, ...env } = process.env;
  const shell = ['bash', '-c', script, 'bash', process.execPath, ...words];
  const { code, stderr } = await runToEnd(shell, { ...env, FAIRLEAD_HOST: host, LC_ALL: 'C' });
  const [real = Number.NaN, user = Number.NaN, system = Number.NaN] = stderr.trim().split(' ').map(Number);
  if (code !== 0 || Number.isNaN(system)) throw new Error(`${words.join(' ')}: exit ${code}: ${stderr}`);
  return { wallMs: real * 1000, cpuMs: (user + system) * 1000 };
}
