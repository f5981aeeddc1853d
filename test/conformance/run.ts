import { z } from 'zod';
import { TestDaemon } from '../rig/daemon.ts';
import { startEngine } from '../rig/dockerd.ts';
import { TestHost } from '../rig/namespace.ts';
import { type Accepted, accepts, readAccepted } from './accepted.ts';
import { type Answer, callOne } from './answer.ts';
import type { Case } from './case.ts';
import { cases } from './cases/index.ts';
import { compare, type Difference } from './compare.ts';

export interface Report {
  readonly calls: number;
  /** Calls whose answers are equal. */
  readonly equal: number;
  readonly accepted: readonly Difference[];
  /** Neither equal nor in docs/compatibility.md. */
  readonly unexplained: readonly Difference[];
  /** Rows of docs/compatibility.md that nothing differs by any more. */
  readonly idle: readonly Accepted[];
}

/** Sends every case to a Docker Engine and to a Fairlead daemon, both new, and compares. */
export async function runConformance(): Promise<Report> {
  await using engine = await startEngine();
  await using host = await TestHost.create();
  for (const one of [engine.network, host]) await addParents(one);
  await using daemon = await TestDaemon.start({
    namespace: host.path,
    flags: ['--dataplane', 'linux', '--dns-listen', 'none'],
  });
  // Their own pulls would need a registry; both know the image before the first case.
  await daemon.call('POST', '/images/create?fromImage=busybox&tag=latest');
  const [theirs, ours] = await Promise.all([
    answersOf(engine.socketPath),
    answersOf(`${daemon.dataRoot}/fairlead.sock`),
  ]);
  const found = cases.map((one, index) => {
    const [a, b] = [theirs[index], ours[index]];
    return a && b ? compare(one, a, b) : [];
  });
  return report(found);
}

/** Wires whose other ends are here as well. */
async function addParents(host: TestHost): Promise<void> {
  for (const [device, peer] of [
    ['up0', 'up1'],
    ['up2', 'up3'],
  ] as const) {
    await host.run('ip', 'link', 'add', device, 'type', 'veth', 'peer', 'name', peer);
    for (const name of [device, peer]) await host.run('ip', 'link', 'set', name, 'up');
  }
}

function report(found: readonly (readonly Difference[])[]): Report {
  const rows = readAccepted();
  const all = found.flat();
  return {
    calls: found.length,
    equal: found.filter((differences) => differences.length === 0).length,
    accepted: all.filter((difference) => rows.some((row) => accepts(row, difference))),
    unexplained: all.filter((difference) => !rows.some((row) => accepts(row, difference))),
    idle: rows.filter((row) => !all.some((difference) => accepts(row, difference))),
  };
}

async function answersOf(socketPath: string): Promise<readonly Answer[]> {
  const captured = new Map<string, string>();
  const answers: (Answer | Promise<Answer>)[] = [];
  for (const one of cases) {
    const answer = callOne(socketPath, one, captured);
    answers.push(one.aside ? answer : await answer);
    if (!one.aside) capture(one, await answer, captured);
  }
  return await Promise.all(answers);
}

const created = z.object({ Id: z.string() });

function capture({ capture: name }: Case, { text }: Answer, captured: Map<string, string>): void {
  // Where it failed, the calls that build on it are asked of an object that does not exist.
  const id = name === undefined ? undefined : created.safeParse(JSON.parse(text)).data?.Id;
  if (name !== undefined && id !== undefined) captured.set(name, id);
}
