import { copyOutput, openStream } from '../../client/streams.ts';
import { command } from '../../command.ts';
import { text, toggle } from '../../flags/spec.ts';
import { parseTime } from '../../flags/time.ts';
import { containerState } from './records.ts';

export const logs = command({
  synopsis: 'CONTAINER',
  description: 'Fetch the logs of a container',
  args: [1, 1],
  flags: {
    details: toggle('Show extra details provided to logs', { hidden: true }),
    follow: toggle('Follow log output', { short: 'f' }),
    since: text('Show logs since timestamp (e.g. "2013-01-02T13:23:37Z") or relative (e.g. "42m")'),
    tail: text('Number of lines to show from the end of the logs', { short: 'n', initial: 'all' }),
    timestamps: toggle('Show timestamps', { short: 't' }),
    until: text('Show logs before a timestamp or relative time'),
  },
  async run({ flags, args: [ref = ''], client, shell }) {
    const { Id, Config } = await client.ask(
      (docker) => docker.getContainer(encodeURIComponent(ref)).inspect(),
      containerState,
    );
    const query = {
      stdout: 1,
      stderr: 1,
      tail: flags.tail,
      ...(flags.follow ? { follow: 1 } : {}),
      ...(flags.timestamps ? { timestamps: 1 } : {}),
      ...(flags.since ? { since: parseTime('since', flags.since) } : {}),
      ...(flags.until ? { until: parseTime('until', flags.until) } : {}),
    };
    const stream = await openStream(client, `/containers/${Id}/logs`, query);
    await copyOutput(stream, Config.Tty, shell.stdout, shell.stderr);
  },
});
