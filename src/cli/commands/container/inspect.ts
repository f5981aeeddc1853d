import type { Client } from '../../client/client.ts';
import { command } from '../../command.ts';
import { DaemonError, Failure, UsageError } from '../../failure.ts';
import { text, toggle } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { containerStruct } from '../../format/container-struct.ts';
import { inspectAll } from '../../format/inspect.ts';
import { networkStruct } from '../../format/network-struct.ts';
import { anyJson } from '../../output/values.ts';
import { isMap, type Value } from '../../template/values.ts';

/** As docker 28 asks: scripts read members, `.NetworkSettings.IPAddress` above all, that API 1.52 leaves out. */
const version = '/v1.51';

const paths: Readonly<Record<string, (ref: string) => string>> = {
  container: (ref) => `${version}/containers/${ref}/json`,
  network: (ref) => `/networks/${ref}`,
};

/** Containers and networks; `container inspect` looks for containers only. */
export const inspect = inspector(
  'Return low-level information on containers and networks',
  Object.keys(paths),
);
export const inspectContainer = inspector('Display detailed information on one or more containers', [
  'container',
]);

function inspector(description: string, types: readonly string[]) {
  return command({
    synopsis: 'NAME|ID [NAME|ID...]',
    description,
    args: [1],
    flags: {
      format: text('Format output using a Go template, or json', { short: 'f', takes: objectFormats }),
      size: toggle('Display total file sizes', { short: 's', hidden: true }),
      type: text('Only inspect objects of this type: container or network', { takes: types }),
    },
    async run({ args, flags, client, shell, path }) {
      if (flags.type !== '' && !types.includes(flags.type)) {
        throw new UsageError(
          `"${flags.type}" is not a valid value for --type: expected ${types.join(' or ')}`,
        );
      }
      const wanted = flags.type === '' ? types : [flags.type];
      const inspectOne = (ref: string) => firstFound(client, ref, wanted);
      return inspectAll(args, flags.format, inspectOne, { shell, client, path }, inspectedStruct);
    },
  });
}

async function firstFound(client: Client, ref: string, types: readonly string[]): Promise<Value> {
  for (const type of types) {
    try {
      return await client.request('GET', paths[type]?.(encodeURIComponent(ref)) ?? '', {}, anyJson);
    } catch (error) {
      if (!(error instanceof DaemonError) || error.status !== 404) throw error;
    }
  }
  const [only, ...others] = types;
  throw new Failure(`Error: No such ${others.length === 0 ? only : 'object'}: ${ref}`);
}

function inspectedStruct(value: Value): Value {
  return isMap(value) && Object.hasOwn(value, 'IPAM') ? networkStruct(value) : containerStruct(value);
}
