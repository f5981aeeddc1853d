import { existsSync } from 'node:fs';
import * as z from 'zod/mini';
import { type Outcome, runToEnd } from '../../../lib/child.ts';
import type { Client } from '../../client/client.ts';
import { Failure } from '../../failure.ts';
import type { InfoRecord } from '../system/info-record.ts';

const containers = z.array(z.object({ Id: z.string(), Names: z._default(z.array(z.string()), []) }));
const networks = z.array(z.object({ Name: z.string() }));

/**
 * An Engine's containers are the Engine's: what is on our networks is not ours to stop. @returns the names of our
 * networks that it knows. @throws Failure naming the containers
 */
export async function requireFreeNetworks(engine: Client, driver: string): Promise<readonly string[]> {
  const query = (filters: unknown) => ({ query: { filters: JSON.stringify(filters) } });
  const ours = await engine.request('GET', '/networks', query({ driver: [driver] }), networks);
  const names = ours.map(({ Name }) => Name);
  if (names.length === 0) return names;
  const held = await engine.request('GET', '/containers/json', query({ network: names }), containers);
  if (held.length === 0) return names;
  const shown = held.map(({ Id, Names: [name = Id] }) => name.replace(/^\//, ''));
  throw new Failure(
    `containers of the Docker Engine are on Fairlead's networks; first: docker rm -f ${shown.join(' ')}`,
  );
}

/** @returns how many ran */
export async function stopContainers(client: Client): Promise<number> {
  const running = await client.request('GET', '/containers/json', {}, containers);
  for (const { Id } of running) await client.tell((docker) => docker.getContainer(Id).stop());
  return running.length;
}

const endsWithinMs = 30_000;

/** After: the process has ended, and systemd starts no other. @returns how that was done, for people */
export async function endDaemon({ Fairlead: { pid } }: InfoRecord): Promise<string> {
  const unit = await unitOf(pid);
  if (unit === undefined) process.kill(pid, 'SIGTERM');
  else await systemctl('disable', '--now', unit);
  const end = performance.now() + endsWithinMs;
  while (existsSync(`/proc/${pid}`) || isAlive(pid)) {
    if (performance.now() > end) throw new Failure(`the daemon, process ${pid}, does not end`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return unit === undefined ? `process ${pid}` : unit;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** The unit that would start it again. */
async function unitOf(pid: number): Promise<string | undefined> {
  if (!existsSync('/run/systemd/system')) return undefined;
  const { stdout } = await systemctl('show', '-p', 'MainPID', '--value', 'fairlead.service');
  return Number(stdout) === pid ? 'fairlead.service' : undefined;
}

async function systemctl(...words: string[]): Promise<Outcome> {
  const outcome = await runToEnd(['systemctl', ...words]);
  if (outcome.code !== 0) throw new Failure(`systemctl ${words.join(' ')}: ${outcome.stderr.trim()}`);
  return outcome;
}
