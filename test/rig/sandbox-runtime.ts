import { join } from 'node:path';
import { openEmbeddedStore } from '../../kvstore/local/embedded.ts';
import { createSandboxRuntime } from '../../src/container/sandbox.ts';
import type { Dataplane } from '../../src/dataplane/dataplane.ts';
import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { silentLogger } from '../../src/lib/log.ts';

export function openDataplane(tag: string, hostNamespace: string): Promise<Dataplane> {
  return openLinuxDataplane({ tag, hostNamespace, log: silentLogger });
}

/** A runtime on the data root, as a daemon would have it. */
export async function openRuntime(root: string, shim: string, dataplane: Dataplane, patience = 30_000) {
  const store = await openEmbeddedStore(join(root, 'store'));
  const directory = join(root, 'containers');
  const volumes = join(root, 'volumes');
  const runtime = createSandboxRuntime({
    ...{ store, dataplane, directory, volumes, hidden: [], shim, patience, log: silentLogger },
  });
  await runtime.recover();
  const close = async () => {
    await runtime.close();
    await store.close();
  };
  return { runtime, close };
}
