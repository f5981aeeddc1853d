import { command } from '../../command.ts';
import { Failure } from '../../failure.ts';
import { text, toggle } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { inspectAll } from '../../format/inspect.ts';
import { networkStruct } from '../../format/network-struct.ts';
import { anyJson } from '../../output/values.ts';

export const inspect = command({
  synopsis: 'NETWORK [NETWORK...]',
  description: 'Display detailed information on one or more networks',
  args: [1],
  flags: {
    format: text('Format output using a Go template, or json', { short: 'f', takes: objectFormats }),
    verbose: toggle('Verbose output for diagnostics', { short: 'v' }),
  },
  async run({ args, flags, client, shell, path }) {
    const inspectOne = (ref: string) => {
      if (ref.trim() === '') throw new Failure('invalid network name or ID: value is empty');
      const query = flags.verbose ? { verbose: true } : {};
      return client.request('GET', `/networks/${encodeURIComponent(ref)}`, { query }, anyJson);
    };
    return inspectAll(
      args,
      flags.format,
      async (ref) => inspectOne(ref),
      { shell, client, path },
      networkStruct,
    );
  },
});
