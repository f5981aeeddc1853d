import type { FastifyInstance } from 'fastify';
import type { StoreStatus } from '../../../kvstore/store.ts';
import { joinHostPort } from '../../lib/host-address.ts';
import type { ApiDeps } from '../deps.ts';
import { type Delays, watchEventLoop } from './event-loop-delay.ts';

interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** GET /metrics in Prometheus' text format 0.0.4. */
export function metricsRoute(
  app: FastifyInstance,
  deps: Pick<ApiDeps, 'model' | 'dns' | 'info' | 'failures'>,
): void {
  const eventLoop = watchEventLoop();
  app.addHook('onClose', async () => eventLoop.stop());
  app.get('/metrics', async (_request, reply) => {
    const parts = [
      ...(await infoMetrics(deps)),
      ...(await objectMetrics(deps)),
      ...(await dnsMetrics(deps)),
      apiMetrics(deps),
      eventLoopMetrics(eventLoop.delays()),
    ];
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(parts.join(''));
  });
}

async function infoMetrics({ info, dns, model }: Pick<ApiDeps, 'info' | 'dns' | 'model'>): Promise<string[]> {
  const { version, mode, stores, started } = info();
  const listeners = (await dns.status()).listeners.map(({ address, port, state }) => ({
    labels: { address: joinHostPort(address, port) },
    value: state === 'listening' ? 1 : 0,
  }));
  const ofStores = (name: string, help: string, value: (store: StoreStatus) => number) =>
    metric(
      `fairlead_store_${name}`,
      'gauge',
      help,
      byLabel('store', Object.fromEntries(stores.map((store) => [store.name, value(store)]))),
    );
  return [
    metric('fairlead_info', 'gauge', 'Version and mode.', [{ labels: { version, mode }, value: 1 }]),
    metric('process_start_time_seconds', 'gauge', 'Start of the daemon, Unix time.', started / 1000),
    metric('process_resident_memory_bytes', 'gauge', 'Resident memory.', process.memoryUsage.rss()),
    ofStores('reachable', 'Whether the store answers.', ({ reachable }) => Number(reachable)),
    ofStores('degraded', 'Whether the store refuses writes, or those that need room.', ({ degraded }) =>
      Number(degraded !== undefined),
    ),
    ofStores(
      'state_seconds',
      'For how long the store has been in this state.',
      ({ since }) => (model.clock.now() - since) / 1000,
    ),
    metric('fairlead_dns_listening', 'gauge', 'Whether DNS listens on the address.', listeners),
  ];
}

async function objectMetrics({ model }: Pick<ApiDeps, 'model'>): Promise<string[]> {
  const networks = model.networks.list();
  const services = await model.services.list();
  const states = { created: 0, running: 0, exited: 0 };
  for (const { state } of model.containers.list()) states[state.status] += 1;
  const scopes = { local: 0, global: 0 };
  for (const { scope } of networks) scopes[scope] += 1;
  return [
    metric('fairlead_networks', 'gauge', 'Networks by scope.', byLabel('scope', scopes)),
    metric('fairlead_services', 'gauge', 'Published services.', services.length),
    metric(
      'fairlead_services_provided',
      'gauge',
      'Published services that have a provider.',
      services.filter(({ providers }) => providers.length > 0).length,
    ),
    metric('fairlead_containers', 'gauge', 'Containers by state.', byLabel('state', states)),
  ];
}

async function dnsMetrics({ dns }: Pick<ApiDeps, 'dns'>): Promise<string[]> {
  const metrics = await dns.metrics();
  const { queries, answers, inflight, connections, forwardOverflows, connectionOverflows, ...counts } =
    metrics;
  return [
    metric('fairlead_dns_queries_total', 'counter', 'Queries by transport.', byLabel('transport', queries)),
    metric('fairlead_dns_answers_total', 'counter', 'Answers by RCODE.', byLabel('rcode', answers)),
    metric('fairlead_dns_inflight', 'gauge', 'Forwarded queries in flight.', inflight),
    metric('fairlead_dns_connections', 'gauge', 'Open TCP connections.', connections),
    dnsCounter('forwardOverflows', byLabel('limit', forwardOverflows)),
    dnsCounter('connectionOverflows', byLabel('limit', connectionOverflows)),
    ...Object.entries(counts).map(([name, value]) => dnsCounter(name, value)),
  ];
}

function dnsCounter(name: string, measured: number | Sample[]): string {
  return metric(`fairlead_dns_${snakeCase(name)}_total`, 'counter', dnsHelp[name] ?? name, measured);
}

function apiMetrics({ failures }: Pick<ApiDeps, 'failures'>): string {
  const counts = byLabel('status', Object.fromEntries(failures.counts));
  return metric('fairlead_api_failures_total', 'counter', 'Requests answered with 5xx.', counts);
}

function eventLoopMetrics({ median, p99, max }: Delays): string {
  const samples = byLabel('quantile', { 0.5: median, 0.99: p99, 1: max });
  const help = 'How late the event loop came to what was due in the last two minutes.';
  return metric('fairlead_event_loop_delay_seconds', 'gauge', help, samples);
}

const dnsHelp: Readonly<Record<string, string>> = {
  truncated: 'Answers that did not fit into a datagram.',
  dropped: 'Packets that were not answered.',
  notAdmitted: 'Packets and connections of those who are not answered at a network listener.',
  forwarded: 'Queries handed to an upstream.',
  forwardsDenied: 'Queries not handed to an upstream because the asker is on internal networks only.',
  forwardLoops: 'Queries of an upstream for what it was being asked.',
  forwardFailures: 'Forwarded queries that no upstream answered.',
  forwardOverflows: 'Queries refused because the client, its network or all clients had too many in flight.',
  connectionOverflows:
    'TCP connections that cost an idle one or were refused, by the limit that was reached.',
};

function byLabel(label: string, values: Readonly<Record<string, number>>): Sample[] {
  return Object.entries(values).map(([name, value]) => ({ labels: { [label]: name }, value }));
}

/** One without labels is a number. */
function metric(name: string, type: 'gauge' | 'counter', help: string, measured: number | Sample[]): string {
  const samples = typeof measured === 'number' ? [{ labels: {}, value: measured }] : measured;
  const lines = samples.map(({ labels, value }) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
