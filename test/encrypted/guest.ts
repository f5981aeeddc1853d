import { openLinuxDataplane } from '../../src/dataplane/linux/open.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { tunnelChecks } from '../contract/dataplane-tunnel.ts';
import { TestHost } from '../rig/namespace.ts';
import { leavesOthersAlone } from './foreign.ts';
import { Pair } from './pair.ts';
import { Scenario } from './scenario.ts';

/** Runs in the virtual machine (run.sh). The last line says whether all went well. */
const started = performance.now();
let failures = 0;

/** One line each. A check may say what it has measured. */
async function check(name: string, run: () => Promise<unknown>): Promise<void> {
  const begun = performance.now();
  try {
    const said = await run();
    console.log(`ok     ${name}${typeof said === 'string' ? `: ${said}` : ''} (${seconds(begun)})`);
  } catch (error) {
    failures += 1;
    console.log(`FAILED ${name} (${seconds(begun)})`, error);
  }
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

for (const { name, run } of tunnelChecks) {
  await check(`linux data plane: ${name}`, async () => {
    await using host = await TestHost.create();
    const { tag, path: hostNamespace } = host;
    const options = { tag, log: silentLogger, hostNamespace, trustFirewallFor: 0 };
    await run(await openLinuxDataplane(options), tag);
  });
}
await check('what others have of IPsec stays as it is', leavesOthersAlone);
for (const family of [4, 6] as const) {
  await check(`two drivers over IPv${family}`, async () => {
    await using pair = await Pair.create(family);
    await check(`IPv${family}: ESP only on the wire, of its full length`, () => pair.onlyEspLeaves());
    await check(`IPv${family}: new keys, and new lives of both`, () => pair.keysChange());
    if (family === 6) return;
    await check('IPv4: what comes in the clear is dropped', () => pair.forgeriesAreDropped());
    await check('IPv4: flushed policies leak nothing', () => pair.flushedPoliciesLeakNothing());
  });
}

await check('two hosts, an encrypted and a plain network', async () => {
  await using scenario = await Scenario.create();
  await check('containers of both networks reach each other by name', () => scenario.namesAnswer());
  await check('ESP only on the wire, and the plain network plain', () => scenario.wireCarriesOnlyEsp());
  await check('a packet of the MTU fits the wire', () => scenario.largestPacketFits());
  await check('what comes in the clear from outside is dropped', () => scenario.forgeriesAreDropped());
  await check('kill -9 and start of both daemons', () => scenario.restartsLoseNothing());
  await check('new keys on both hosts', () => scenario.rotationLosesNothing());
  await check('policies flushed: nothing leaves in the clear; doctor', () =>
    scenario.withoutPoliciesNothingLeaves(),
  );
  await check('associations flushed: new keys; doctor', () => scenario.withoutAssociationsNewOnesAreMade());
  await check('nothing is left of it', () => scenario.nothingIsLeft());
  await check('no key is in a log', () => scenario.keysAreInNoLog());
});

console.log(`${seconds(started)} in all`);
console.log(failures === 0 ? 'all encrypted checks passed' : `${failures} encrypted checks failed`);
process.exit(0);
