import { fstatSync } from 'node:fs';
import { command } from '../cli/command.ts';
import { Failure, UsageError } from '../cli/failure.ts';
import { number, text, toggle } from '../cli/flags/spec.ts';
import type { Shell } from '../cli/shell.ts';
import { FairleadError } from '../lib/errors.ts';
import type { Fairlead, FairleadOptions } from './contract.ts';
import { startFairlead } from './index.ts';

const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** `fairlead fake`: for tests in languages that cannot import fairlead/testing. */
export const fake = command({
  synopsis: '',
  description:
    'Serves an in-memory daemon for tests; one line of JSON on stdout has its address. Ends with its stdin or by SIGTERM',
  args: [0, 0],
  flags: {
    port: number('Port on 127.0.0.1; 0: any', { initial: -1 }),
    socket: text('Path of the unix socket (default: one of its own)', { takes: 'file' }),
    dns: number('Port of the DNS responder on 127.0.0.1; 0: any', { shown: '0', initial: 0 }),
    'no-dns': toggle('Run without a DNS responder'),
    nodes: number('How many daemons share one store', { shown: '1', initial: 1 }),
    time: text('When its clock begins, as in RFC 3339 (default: now)'),
    'lease-ttl': text('Time after which a silent node counts as dead', { shown: '15s' }),
    'log-level': text("How much of the daemons' log goes to stderr: debug, info, warn, error or silent", {
      shown: 'silent',
      takes: logLevels,
    }),
  },
  async run({ flags, shell }) {
    if (flags.port >= 0 && flags.socket !== '')
      throw new UsageError('--port and --socket: expected one of them, not both');
    const level = logLevels.find((one) => one === (flags['log-level'] || 'silent'));
    if (!level) throw new UsageError(`--log-level: expected one of ${logLevels.join(', ')}`);
    const fairlead = await started({
      ...(flags.port >= 0 ? { port: flags.port } : {}),
      ...(flags.socket === '' ? {} : { socketPath: flags.socket }),
      dns: flags['no-dns'] ? false : flags.dns,
      nodes: flags.nodes,
      ...(flags.time === '' ? {} : { time: flags.time }),
      ...(flags['lease-ttl'] === '' ? {} : { leaseTtl: flags['lease-ttl'] }),
      logLevel: level,
    });
    const ended = untilEnded(shell);
    shell.stdout.write(`${JSON.stringify(addressesOf(fairlead))}\n`);
    await ended;
    await fairlead.close();
    return 0;
  },
});

async function started(options: FairleadOptions): Promise<Fairlead> {
  try {
    return await startFairlead(options);
  } catch (error) {
    if (!(error instanceof FairleadError)) throw error;
    throw new Failure(`cannot start the fake: ${error.message}`, 1, { cause: error });
  }
}

function addressesOf({ host, dns, nodes }: Fairlead) {
  return {
    dockerHost: host,
    ...(dns === undefined ? {} : { dns }),
    pid: process.pid,
    nodes: nodes.map((node) => ({
      name: node.name,
      dockerHost: node.host,
      ...(node.dns && { dns: node.dns }),
    })),
  };
}

/** A test that dies closes the pipe to its child, whatever else it leaves undone. */
async function untilEnded({ stdin }: Shell): Promise<void> {
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve());
    if (!isPipe(0)) return;
    stdin
      .once('end', resolve)
      .once('close', resolve)
      .once('error', () => resolve());
    stdin.resume();
  });
}

/** The stdin of a shell's background job is /dev/null, which ends at once. */
function isPipe(fd: number): boolean {
  try {
    const file = fstatSync(fd);
    return file.isFIFO() || file.isSocket();
  } catch {
    return false;
  }
}
