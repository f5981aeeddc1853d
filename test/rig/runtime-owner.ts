/**
 * A process that owns a sandbox runtime and is there to be killed: `ROOT SHIM TAG HOST_NAMESPACE SPECS`.
 * Prints the ids of the containers that it has started, or of those without `start` prepared, as one line of JSON.
 */
import { z } from 'zod';
import { containerFiles, containerSpec } from './container-spec.ts';
import { openDataplane, openRuntime } from './sandbox-runtime.ts';

const specs = z.array(z.object({ command: z.array(z.string()), start: z.boolean() }));

const [root = '', shim = '', tag = '', hostNamespace = '', text = ''] = process.argv.slice(2);
const { runtime } = await openRuntime(root, shim, await openDataplane(tag, hostNamespace));
const ids: string[] = [];
for (const { command, start } of specs.parse(JSON.parse(text))) {
  const { id } = await runtime.create(containerSpec({ command }));
  await runtime.prepare(id);
  if (start) await runtime.start(id, containerFiles);
  ids.push(id);
}
console.log(JSON.stringify(ids));
setInterval(() => {}, 60_000);
