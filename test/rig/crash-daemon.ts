import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseConfig } from '../../src/daemon/config.ts';
import { hostPlatform } from '../../src/daemon/host-platform.ts';
import { startDaemon } from '../../src/daemon/main.ts';

/**
 * The daemon, made to die by SIGKILL. Arguments: data root, data plane, and a file: while it exists it holds
 * how many more steps (commits to the store, changes of the kernel) are done before the process ends.
 */
const [dataRoot = '', dataplane = '', armFile = ''] = process.argv.slice(2);

const kernelSteps = [
  'ensureSandbox',
  'removeSandbox',
  'ensureBridge',
  'removeBridge',
  'plug',
  'unplug',
  'setDefaultRoutes',
  'applyFirewall',
  'holdPort',
  'releasePort',
] as const;

function step(): void {
  if (!existsSync(armFile)) return;
  const left = Number(readFileSync(armFile, 'utf8'));
  if (left === 0) process.kill(process.pid, 'SIGKILL');
  writeFileSync(armFile, String(left - 1));
}

/** The object, with a step taken before each call of the named methods. */
function stepping<T extends object>(target: T, methods: readonly (keyof T)[]): T {
  return new Proxy(target, {
    get(object, property: string | symbol): unknown {
      const value: unknown = Reflect.get(object, property, object);
      if (typeof value !== 'function') return value;
      if (!methods.some((method) => method === property)) return value.bind(object);
      return (...args: unknown[]) => {
        step();
        return Reflect.apply(value, object, args);
      };
    },
  });
}

async function main(): Promise<void> {
  const daemon = await startDaemon(
    parseConfig({
      host: [`unix://${dataRoot}/fairlead.sock`],
      'data-root': dataRoot,
      dataplane,
      'dns-listen': 'none',
      'node-name': 'crash',
    }),
    hostPlatform({
      store: (store) => stepping(store, ['commit']),
      dataplane: (plane) => stepping(plane, kernelSteps),
    }),
  );
  process.once('SIGTERM', () => process.exit());
  for (const line of daemon.greeting) process.stdout.write(`${line}\n`);
}

void main();
