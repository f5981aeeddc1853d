import { run as dns } from './dns.ts';
import { run as engine } from './engine.ts';
import { run as overlay } from './overlay.ts';
import { run as propagation } from './propagation.ts';
import { run as soak } from './soak.ts';

/** `npm run bench [-- NAME…]`: each figure beside its peer in the same run. */
const benchmarks: Readonly<Record<string, () => Promise<unknown>>> = {
  dns: () => dns(),
  overlay: () => overlay(),
  engine: () => engine(),
  propagation: () => propagation(),
};

/** Only when it is named: it takes a minute and the whole machine. */
if (process.argv[2] === 'soak') process.exit((await soak(process.argv.slice(3))) ? 0 : 1);

const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !Object.hasOwn(benchmarks, name));
if (unknown.length > 0) {
  console.error(`no benchmark ${unknown.join(', ')}: there are ${Object.keys(benchmarks).join(', ')}`);
  process.exit(1);
}
for (const name of asked.length > 0 ? asked : Object.keys(benchmarks)) await benchmarks[name]?.();
