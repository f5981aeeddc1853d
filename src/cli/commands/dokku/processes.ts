import { Failure } from '../../failure.ts';
import { anything } from '../../output/values.ts';
import { appNames, tellSteps } from './app-list.ts';
import { appNamed, type DokkuCall, type DokkuCommand, pathOf, takeOptions } from './call.ts';
import { appStatus, stepsRecord } from './records.ts';
import { flagValue, readReportRequest, reportJson, writeReport } from './report-text.ts';

/** `ps:*` of Dokku. */
export const processCommands: Readonly<Record<string, DokkuCommand>> = {
  'ps:rebuild': rebuild,
  'ps:report': report,
  'ps:scale': scale,
  'ps:set': set,
};

async function rebuild({ args: [name], client, log }: DokkuCall): Promise<void> {
  const app = appNamed(name);
  log.step(`Rebuilding ${app}`);
  const { steps } = await client.request('POST', pathOf(app, '/rebuild'), {}, stepsRecord);
  tellSteps(log, steps);
  log.title('Application deployed');
}

async function scale(call: DokkuCall): Promise<void> {
  const { args, client, log } = call;
  const [name, ...tuples] = args;
  const app = appNamed(name);
  if (tuples.length === 0) return await scaleReport(call, app);
  const body = { scale: Object.fromEntries(tuples.map(readTuple)) };
  log.step(`Scaling ${app} processes: ${tuples.join(' ')}`);
  const { steps } = await client.request('POST', pathOf(app, '/scale'), { body }, stepsRecord);
  tellSteps(log, steps);
}

function readTuple(tuple: string): readonly [string, number] {
  const [, type, count] = /^([^=]+)=(\d+)$/.exec(tuple) ?? [];
  if (type !== undefined) return [type, Number(count)];
  throw new Failure(`Invalid process count specified, use PROC_TYPE=COUNT: ${tuple}`);
}

async function scaleReport({ client, log }: DokkuCall, app: string): Promise<void> {
  const status = await client.request('GET', pathOf(app), {}, appStatus);
  log.step(`Scaling for ${app}`);
  const rows = Object.entries(status.scale).sort();
  if (!log.quiet) for (const line of ['proctype: qty', '--------: ---']) log.line(line);
  for (const [type, count] of rows) log.line(`${`${type}:`.padEnd(5)} ${count}`);
}

async function report({ args, client, log }: DokkuCall): Promise<void> {
  const { app, flag, json } = readReportRequest('ps:report', args);
  for (const name of app === undefined ? await appNames(client, log) : [app]) {
    const flags = await processFlags(client, name);
    if (flag !== undefined) log.line(flagValue(flags, flag));
    else if (json) log.line(reportJson('ps-', flags));
    else writeReport(log, `${name} ps information`, flags);
  }
}

/** Dokku names a container by its first eleven digits here. */
const shownDigits = 11;

async function processFlags(client: DokkuCall['client'], app: string): Promise<Record<string, string>> {
  const { deployed, containers } = await client.request('GET', pathOf(app), {}, appStatus);
  const running = containers.filter(({ status }) => status === 'running').length;
  const states = containers.map(({ name, id, status }): [string, string] => [
    `status-${name.slice(app.length + 1).replaceAll('.', '-')}`,
    `${status} (CID: ${id.slice(0, shownDigits)})`,
  ]);
  return {
    deployed: String(deployed),
    processes: String(containers.length),
    'ps-can-scale': 'true',
    'ps-restart-policy': 'on-failure:10',
    running: running === 0 ? 'false' : running === containers.length ? 'true' : 'mixed',
    ...Object.fromEntries(states),
  };
}

const processOptions = ['image', 'port', 'env', 'dns-policy'];

/** Ours: Dokku reads a pushed Procfile and image, here flags give them. */
async function set({ args, client, log }: DokkuCall): Promise<void> {
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  const { words, values } = takeOptions(args.slice(0, end), { valued: processOptions });
  const [name, type] = words;
  const app = appNamed(name);
  if (!type) throw new Failure('No process type specified');
  const body = {
    type,
    ...(values.image ? { image: values.image.at(-1) } : {}),
    ...(values.env ? { env: values.env.map(readVariable) } : {}),
    ...(values.port ? { ports: values.port.map(readPort) } : {}),
    ...(values['dns-policy'] ? { dnsPolicy: values['dns-policy'].at(-1) } : {}),
    ...(end < args.length ? { command: args.slice(end + 1) } : {}),
  };
  await client.request('POST', pathOf(app, '/processes'), { body }, anything);
  log.title(`Setting process ${type} of ${app}`);
}

function readVariable(text: string): string {
  if (/^[^=]+=/.test(text)) return text;
  throw new Failure(`Invalid variable specified, use KEY=VALUE: ${text}`);
}

function readPort(text: string): number {
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port >= 1 && port <= 65535) return port;
  throw new Failure(`Invalid port specified: ${text}`);
}
