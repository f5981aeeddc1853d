import { realpathSync } from 'node:fs';
import { delimiter, dirname } from 'node:path';
import * as z from 'zod/mini';
import type { Client } from '../../client/client.ts';
import { clientFor } from '../../client/endpoint.ts';
import { command } from '../../command.ts';
import { findReal } from '../../delegate/handover.ts';
import { toggle } from '../../flags/spec.ts';
import type { Shell } from '../../shell.ts';
import { infoRecord } from '../system/info-record.ts';
import { startDaemon, type TourDaemon } from './daemon-process.ts';
import { dnsLine, ended, goOn } from './hand-over.ts';
import { play } from './player.ts';
import { story } from './story.ts';

/** What `npm start` runs. */
export const tour = command({
  synopsis: '',
  description: 'Play the whole story on a temporary daemon, in the richest mode that works here',
  args: [0, 0],
  flags: { stay: toggle('Keep the daemon afterwards, as on a terminal') },
  async run({ flags, shell }) {
    const program = realpathSync(process.argv[1] ?? '');
    const bin = dirname(program);
    const interrupted = new Promise<'interrupted'>((resolve) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
        process.on(signal, () => resolve('interrupted'));
    });
    if (shell.stderr.isTTY) shell.stderr.write('starting the daemon …\n');
    const daemon = await startDaemon(program);
    const stays = flags.stay || shell.stdout.isTTY === true;
    try {
      shell.stdout.write(`${[...daemon.greeting, dnsLine(daemon)].join('\n')}\n`);
      const client = clientFor({ host: daemon.host, tls: {} }, shell);
      const played = await Promise.race([tell(daemon, client, bin, shell), interrupted]);
      if (played === 'interrupted') return 130;
      if (stays) {
        shell.stdout.write(`\n${goOn(daemon, bin)}\n`);
        await Promise.race([interrupted, daemon.ended]);
      }
    } finally {
      await daemon.stop();
    }
    if (!stays) shell.stdout.write(`\n${ended(bin, shell)}\n`);
  },
});

async function tell(daemon: TourDaemon, client: Client, bin: string, shell: Shell): Promise<'played'> {
  const { Fairlead } = await client.ask((docker) => docker.info(), infoRecord);
  const { Plugins } = await client.ask((docker) => docker.info(), pluginRecord);
  const path = shell.env.PATH ?? '';
  const steps = story({
    mode: Fairlead.mode,
    hasOverlay: Plugins.Network.includes('overlay'),
    hasDig: findReal('dig', path, '') !== undefined,
    dnsPort: daemon.dnsPort,
  });
  const env = { ...shell.env, FAIRLEAD_HOST: daemon.host, PATH: `${bin}${delimiter}${path}` };
  await play(steps, { bin, env, shell });
  return 'played';
}

const pluginRecord = z.object({ Plugins: z.object({ Network: z.array(z.string()) }) });
