import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';
import { toggle } from '../../flags/spec.ts';
import { runSession } from '../../terminal/session.ts';
import { proxySignals } from '../../terminal/signal-proxy.ts';
import { attachTo, resizer, waitFor } from './attach-to.ts';
import { containerState } from './records.ts';

export const attach = command({
  synopsis: 'CONTAINER',
  description: 'Attach local standard input, output, and error streams to a running container',
  takes: { CONTAINER: 'running' },
  args: [1, 1],
  flags: {
    'no-stdin': toggle('Do not attach STDIN'),
    'sig-proxy': toggle('Proxy received signals to the process', { initial: true }),
  },
  async run({ flags, args: [ref = ''], client, shell }) {
    const { Id, State, Config } = await client.ask(
      (docker) => docker.getContainer(ref).inspect(),
      containerState,
    );
    if (!State.Running) throw new Failure('You cannot attach to a stopped container, start it first');
    const interactive = Config.OpenStdin && !flags['no-stdin'];
    const stream = await attachTo(client, Id, { stdin: interactive });
    const exited = waitFor(client, Id, 'not-running');
    exited.catch(() => {});
    const send = (signal: string) => client.tell((docker) => docker.getContainer(Id).kill({ signal }));
    const stopProxy = flags['sig-proxy'] && !Config.Tty ? proxySignals(send) : () => {};
    const session = { tty: Config.Tty, interactive, resize: resizer(client, `/containers/${Id}`) };
    try {
      return (await runSession(stream, session, shell)) === 'detached' ? 0 : await exited;
    } finally {
      stopProxy();
    }
  },
});
