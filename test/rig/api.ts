import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ApiHooks } from '../../src/api/deps.ts';
import { Failures } from '../../src/api/http/failures.ts';
import type { Upstream } from '../../src/api/proxy/upstream.ts';
import { createApi, type SystemInfo } from '../../src/api/server.ts';
import { createApps } from '../../src/apps/create-apps.ts';
import { Topology } from '../../src/cluster/topology/topology.ts';
import { type OwnRuntime, ownRuntime } from '../../src/container/runtime.ts';
import { Volumes, volumesOnDisk } from '../../src/container/volumes.ts';
import { createDns } from '../../src/dns/dns.ts';
import { createProbe } from '../../src/dns/probe.ts';
import { type Logger, silentLogger } from '../../src/lib/log.ts';
import type { Containers, Model } from '../../src/network/model.ts';
import { hostPrograms } from './host-programs.ts';
import { createTestModel, type TestModelOptions } from './model.ts';

export interface TestApiOptions extends TestModelOptions {
  /** Containers' programs run on this host, as the sandbox mode would run them, or by this exec; default: none can. */
  readonly programs?: true | Pick<OwnRuntime, 'exec'>;
  /** An Engine that has the containers. */
  readonly upstream?: Upstream;
  /** Default: no log. */
  readonly log?: Logger;
  readonly hooks?: ApiHooks;
}

/** The API over the real model and the simulated mode; `listen` makes it reachable on a unix socket. */
export async function createTestApi(options: TestApiOptions = {}) {
  const model = await createTestModel(options);
  const { directory, dataplane, nodeId, clock } = model;
  const dns = createDns({ directory, log: silentLogger, options: { listen: 'none' } });
  const control = {
    status: async () => dns.status(),
    dump: async () => dns.dump(),
    resync: async () => dns.resync(),
    metrics: async () => dns.metrics(),
  };
  const info = (): SystemInfo => ({
    version: '0.1.0',
    mode: 'simulated',
    why: 'the test asks for it',
    nodeId: model.nodeId,
    nodeName: 'test',
    dataRoot: '/nowhere',
    started: Date.UTC(2026, 0, 1),
    stores: [model.store.status()],
    drivers: ['bridge', 'host', 'null'],
    plugins: [],
    defaultNetwork: 'bridge:bridge',
  });
  const seen: Model = options.programs ? withPrograms(model, options.programs) : model;
  const probe = createProbe({ directory, dns, runtime: model.containers.runtime, dataplane });
  const apps = createApps({ directory, model, dnsTtlSeconds: 0 });
  const log = options.log ?? silentLogger;
  const failures = new Failures(log, () => false);
  const upstream = options.upstream ? { upstream: options.upstream } : {};
  const hooks = options.hooks ? { hooks: options.hooks } : {};
  const volumesDirectory = join(tmpdir(), `flt-volumes-${randomUUID()}`);
  const volumes = new Volumes(volumesOnDisk(volumesDirectory));
  const topology = new Topology({ directory, nodeId, graceMs: 3000, log, clock });
  const api = await createApi({
    volumes,
    topology,
    model: seen,
    dns: control,
    probe,
    apps,
    info,
    log,
    failures,
    ...upstream,
    ...hooks,
  });
  const folder = await mkdtemp(join(tmpdir(), 'flt-api-'));
  const socketPath = join(folder, 'api.sock');
  return {
    api,
    model,
    socketPath,
    listen: () => api.listen({ kind: 'unix', path: socketPath }),
    /** One call without a socket; `body` is sent as JSON. */
    async call(method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE', url: string, body?: unknown) {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const sent =
        body === undefined ? {} : { payload: text, headers: { 'content-type': 'application/json' } };
      const response = await api.app.inject({ method, url, ...sent });
      return {
        status: response.statusCode,
        headers: response.headers,
        text: response.body,
        json: () => response.json() as unknown,
      };
    },
    async [Symbol.asyncDispose]() {
      await rm(volumesDirectory, { recursive: true, force: true });
      await api.close();
      await dns.close();
      await model[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function withPrograms(model: Model, programs: true | Pick<OwnRuntime, 'exec'>): Model {
  const { containers } = model;
  const runtime = { ...hostPrograms(ownRuntime(containers.runtime)), ...(programs !== true && programs) };
  const seen: Containers = {
    runtime,
    list: () => containers.list(),
    find: (ref) => containers.find(ref),
    create: (request) => containers.create(request),
    async start(ref) {
      const container = await containers.start(ref);
      void runtime.started(container.id);
      return container;
    },
    stop: (ref, seconds, signal) => containers.stop(ref, seconds, signal),
    restart: (ref, seconds, signal) => containers.restart(ref, seconds, signal),
    kill: (ref, signal) => containers.kill(ref, signal),
    wait: (ref, condition) => containers.wait(ref, condition),
    remove: (ref, options) => containers.remove(ref, options),
    health: (id) => containers.health(id),
    setHealth: (ref, health) => containers.setHealth(ref, health),
    setRestart: (ref, restart) => containers.setRestart(ref, restart),
    setLimits: (ref, limits) => containers.setLimits(ref, limits),
    rename: (ref, name) => containers.rename(ref, name),
    connect: (network, ref, settings) => containers.connect(network, ref, settings),
    disconnect: (network, ref, force) => containers.disconnect(network, ref, force),
    unlink: (ref, alias) => containers.unlink(ref, alias),
  };
  return { ...model, containers: seen };
}
