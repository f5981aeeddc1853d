import { command } from '../../command.ts';
import { networkRecord } from './records.ts';

export const info = command({
  synopsis: 'NETWORK',
  description: 'Displays detailed information on a network',
  args: [1, 1],
  flags: {},
  async run({ args: [ref = ''], client, shell }) {
    const network = await client.ask(
      (docker) => docker.getNetwork(encodeURIComponent(ref)).inspect(),
      networkRecord,
    );
    shell.stdout.write(`Network Id: ${network.Id}\nName: ${network.Name}\nType: ${network.Driver}\n`);
  },
});
