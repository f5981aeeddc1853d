import { realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import * as z from 'zod/mini';
import type { Client } from '../../client/client.ts';
import { chooseEndpoint } from '../../client/endpoint.ts';
import { openClient } from '../../client/open.ts';
import { command } from '../../command.ts';
import { findReal } from '../../handover.ts';
import type { Shell } from '../../shell.ts';
import { infoRecord } from '../system/info-record.ts';
import { startDaemon, type TourDaemon } from './daemon-process.ts';
import { play } from './player.ts';
import { story } from './story.ts';

/** What `npm start` runs. */
export const tour = command({
  synopsis: '',
  description: 'Plays the whole story on a daemon of its own, in the richest way that works here',
  args: [0, 0],
  flags: {},
  async run({ shell }) {
    const program = realpathSync(process.argv[1] ?? '');
    const interrupted = new Promise<'interrupted'>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        process.on(signal, () => resolve('interrupted'));
    });
    const daemon = await startDaemon(program);
    const client = await openClient(chooseEndpoint({ host: daemon.host, tls: {} }, shell));
    try {
      for (const line of daemon.greeting) shell.stdout.write(`${line}\n`);
      const played = await Promise.race([tell(daemon, client, dirname(program), shell), interrupted]);
      if (played === 'interrupted') return 130;
      if (shell.stdout.isTTY) await stay(daemon, dirname(program), shell, interrupted);
      return 0;
    } finally {
      await daemon.stop();
    }
  },
});

async function tell(daemon: TourDaemon, client: Client, bin: string, shell: Shell): Promise<'played'> {
  const { Fairlead } = await client.ask((docker) => docker.info(), infoRecord);
  const { Plugins } = await client.ask((docker) => docker.info(), pluginRecord);
  const path = shell.env.PATH ?? '';
  const steps = story({
    way: Fairlead.way,
    hasOverlay: Plugins.Network.includes('overlay'),
    hasDig: findReal('dig', path, '') !== undefined,
    dnsPort: daemon.dnsPort,
  });
  const env = { ...shell.env, FAIRLEAD_HOST: daemon.host, PATH: `${bin}${delimiter}${path}` };
  await play(steps, { bin, env, shell });
  return 'played';
}

const pluginRecord = z.object({ Plugins: z.object({ Network: z.array(z.string()) }) });

/** On a terminal the daemon stays for the user to try things. */
async function stay(
  daemon: TourDaemon,
  bin: string,
  shell: Shell,
  interrupted: Promise<unknown>,
): Promise<void> {
  shell.stdout.write(
    [
      '',
      'The daemon stays until Ctrl-C here, which also removes everything it made. In another terminal:',
      '',
      `  export PATH=${bin}:$PATH`,
      `  export FAIRLEAD_HOST=${daemon.host}`,
      '  docker network ls',
      '',
      `Without the tour: ${join(bin, 'fairlead')} daemon`,
      '',
    ].join('\n'),
  );
  await Promise.race([interrupted, daemon.ended]);
}
