import { DaemonError, Failure } from '../../failure.ts';
import { appNames, tellSteps } from './app-list.ts';
import { appNamed, type DokkuCall, type DokkuCommand, pathOf, takeOptions } from './call.ts';
import { rebuiltRecord, reportRecord, valueRecord } from './records.ts';
import { flagValue, type ReportRequest, readReportRequest, reportJson, writeReport } from './report-text.ts';

/** `network:*` of Dokku that is about apps. */
export const appNetworkCommands: Readonly<Record<string, DokkuCommand>> = {
  'network:rebuild': async (call) => exitCodeFor(await rebuild(call, appNamed(call.args[0]))),
  'network:rebuildall': rebuildAll,
  'network:report': report,
  'network:set': set,
};

/** Dokku's exit code is the number of containers; a process has 255 at most. */
function exitCodeFor(failed: number): number {
  return Math.min(failed, 255);
}

/** @returns how many containers could not be brought in line */
async function rebuild({ client, log }: DokkuCall, app: string): Promise<number> {
  const { steps, failed } = await client.request('POST', pathOf(app, '/network/rebuild'), {}, rebuiltRecord);
  tellSteps(log, steps);
  return failed;
}

async function rebuildAll(call: DokkuCall): Promise<number> {
  let failed = 0;
  for (const app of await appNames(call.client, call.log)) failed += await rebuild(call, app);
  return exitCodeFor(failed);
}

async function report(call: DokkuCall): Promise<void> {
  const request = readReportRequest('network:report', call.args);
  const apps = request.app === undefined ? await appNames(call.client, call.log) : [request.app];
  for (const app of apps) await reportOne(call, app, request);
}

async function reportOne(
  { client, log }: DokkuCall,
  app: string,
  { flag, json }: ReportRequest,
): Promise<void> {
  const flags = await client.request('GET', pathOf(app, '/network'), {}, reportRecord);
  if (flag !== undefined) log.line(flagValue(flags, flag));
  else if (json) log.line(reportJson('network-', flags));
  else writeReport(log, `${app} network information`, flags);
}

async function set({ args, client, log }: DokkuCall): Promise<void> {
  const { switches, words } = takeOptions(args, { switches: ['global'] });
  const [app, property = '', ...values] = switches.has('global') ? ['--global', ...words] : words;
  const body = { property, values };
  if (property === '' && appNamed(app)) throw new Failure('No property specified');
  const path = pathOf(appNamed(app), '/network');
  const set = client.request('POST', path, { body }, valueRecord);
  const { value } = await set.catch((error: unknown) => {
    throw naming(error, property);
  });
  log.title(value === '' ? `Unsetting ${property}` : `Setting ${property} to ${value}`);
}

/** The daemon's message about an unknown property ends with the list of known ones. */
function naming(error: unknown, property: string): unknown {
  if (!(error instanceof DaemonError)) return error;
  const [, known] = /valid properties include: (.+)$/.exec(error.reason) ?? [];
  if (known === undefined) return error;
  return new DaemonError(error.status, error.reason, { word: property, known: known.split(', ') });
}
