import { once } from 'node:events';
import { command } from '../../command.ts';
import { UsageError } from '../../failure.ts';
import { number, toggle } from '../../flags/spec.ts';
import { openBrowser } from './browser.ts';
import { servePage } from './serve.ts';

export const ui = command({
  synopsis: '',
  description:
    'Show the cluster on a page in the browser, until Ctrl-C. The page only reads; its URL is good once, on this machine',
  args: [0, 0],
  flags: {
    port: number('Port on 127.0.0.1 (default any)', { initial: 0 }),
    print: toggle('Only print the URL, and open no browser'),
  },
  async run({ flags, client, shell }) {
    if (flags.port < 0 || flags.port > 65535)
      throw new UsageError(`--port ${flags.port}: expected a number from 0 (any) to 65535`);
    // A daemon that is not there is said now, and not by the page.
    await client.tell((docker) => docker.ping());
    await using page = await servePage(client, flags.port);
    shell.stdout.write(`${page.url}\n`);
    if (!flags.print) openBrowser(page.url, shell.env);
    shell.stderr.write('Serving the page until Ctrl-C.\n');
    await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
  },
});
