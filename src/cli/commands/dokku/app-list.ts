import type { Client } from '../../client/client.ts';
import type { DokkuLog } from '../../output/dokku-log.ts';
import { appRecords, type Steps } from './records.ts';

/** Names of all apps; as in Dokku, an empty list is a warning and no error. */
export async function appNames(client: Client, log: DokkuLog): Promise<readonly string[]> {
  const apps = await client.request('GET', '/apps', {}, appRecords);
  if (apps.length === 0) log.warn("You haven't deployed any applications yet");
  return apps.map(({ name }) => name);
}

export function tellSteps(log: DokkuLog, steps: Steps): void {
  for (const { level, text } of steps) log[level](text);
}
