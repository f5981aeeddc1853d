import * as z from 'zod/mini';
import { commit, version as own } from '../../../lib/version.ts';
import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';
import { text, toggle } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
import { anyJson } from '../../output/values.ts';

const versionRecord = z.object({
  Version: z.string(),
  ApiVersion: z.string(),
  MinAPIVersion: z._default(z.string(), ''),
  GitCommit: z._default(z.string(), ''),
});

export const version = command({
  synopsis: '',
  description: 'Show the version information of client and daemon',
  args: [0, 0],
  flags: {
    format: text('Format output using a Go template, or json', { short: 'f', takes: objectFormats }),
    short: toggle('Only the version of the client', { hidden: true }),
  },
  async run({ flags, client, shell, path }) {
    if (flags.short) {
      shell.stdout.write(`Fairlead version ${own}\n`);
      return 0;
    }
    if (flags.format !== '') {
      const both = async () => ({
        Client: { Version: own, GitCommit: commit },
        Server: await client.request('GET', '/version', {}, anyJson),
      });
      return inspectAll([''], flags.format === 'json' ? '{{json .}}' : flags.format, both, {
        shell,
        client,
        path,
      });
    }
    shell.stdout.write(
      `Client:\n Version: ${own}\n${commitLine(commit)} Node.js: ${process.versions.node}\n\n`,
    );
    try {
      const server = await client.ask((docker) => docker.version(), versionRecord);
      const range = `${server.ApiVersion} (minimum version ${server.MinAPIVersion})`;
      shell.stdout.write(
        `Server:\n Version: ${server.Version}\n${commitLine(server.GitCommit)} API version: ${range}\n`,
      );
      return 0;
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      shell.stderr.write(`${error.message}\n`);
      return 1;
    }
  },
});

function commitLine(hash: string): string {
  return hash === '' ? '' : ` Git commit: ${hash}\n`;
}
