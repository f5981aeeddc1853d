import { runConformance } from './run.ts';

/** `npm run conformance`: the figures, and what is not explained. */
const { calls, equal, accepted, unexplained, idle } = await runConformance();
console.log(`${calls} calls: ${equal} answered equally, ${calls - equal} with differences`);
console.log(`${accepted.length} differences listed in docs/compatibility.md, ${unexplained.length} not`);
for (const { call, at, engine, ours } of unexplained) {
  console.log(`${call}\n  ${at}: Engine ${JSON.stringify(engine)}, Fairlead ${JSON.stringify(ours)}`);
}
for (const row of idle) console.log(`no longer a difference: ${row.calls.join(', ')}: ${row.at.join(', ')}`);
process.exitCode = unexplained.length + idle.length > 0 ? 1 : 0;
