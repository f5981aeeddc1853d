import * as z from 'zod';
import type { Store } from '../../kvstore/store.ts';
import { FairleadError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { Container } from './container.ts';
import { EngineConnection } from './engine/connection.ts';
import { createBody } from './engine/create-body.ts';
import { unlessDone } from './engine/engine-error.ts';
import { EngineFollower } from './engine/follower.ts';
import { readEngineLogs } from './engine/logs.ts';
import * as networks from './engine/networks.ts';
import { StoredContainers } from './engine/stored-containers.ts';
import { Translation } from './engine/translation.ts';
import { Exits } from './exits.ts';
import type { HostEngine } from './host-engine.ts';
import { EngineLinks } from './host-links.ts';
import type { EngineRuntime } from './runtime.ts';
import { parseSignal } from './signals.ts';

export interface EngineRuntimeOptions {
  readonly socketPath: string;
  readonly store: Store;
  /** Where containers that we create ask for names. */
  readonly resolver: string;
  readonly log: Logger;
}

export interface OpenedEngine {
  readonly runtime: EngineRuntime;
  readonly engine: HostEngine;
  readonly links: EngineLinks;
}

/** The containers of a Docker Engine. It runs them and puts them on networks; we are told. */
export async function createEngineRuntime(options: EngineRuntimeOptions): Promise<OpenedEngine> {
  const { store, log } = options;
  const connection = new EngineConnection(options.socketPath);
  const follower = new EngineFollower(connection, new StoredContainers(store, log), log);
  const links = await EngineLinks.open(store, log);
  const engine: HostEngine = {
    status: () => follower.status(),
    networks: () => networks.listNetworks(connection),
    isInSwarm: () => networks.isInSwarm(connection),
    createNetwork: (spec) => networks.createNetwork(connection, spec),
    removeNetwork: (id) => networks.removeNetwork(connection, id),
    async connect(networkId, containerId, place) {
      await networks.connect(connection, networkId, containerId, place);
      await follower.copies.refresh(containerId);
    },
    async disconnect(networkId, containerId) {
      await networks.disconnect(connection, networkId, containerId);
      await follower.copies.refresh(containerId);
    },
    async look(ref) {
      const found = await networks.unlessGone(() =>
        connection.ask(z.object({ Id: z.string() }), (docker) => docker.getContainer(ref).inspect()),
      );
      if (found) await follower.copies.refresh(found.Id);
    },
    onChange: (listener) => follower.onChange(listener),
  };
  return { engine, links, runtime: runtimeOf({ connection, follower, links }, options) };
}

interface RuntimeParts {
  readonly connection: EngineConnection;
  readonly follower: EngineFollower;
  readonly links: EngineLinks;
}

function runtimeOf(
  { connection, follower, links }: RuntimeParts,
  options: EngineRuntimeOptions,
): EngineRuntime {
  const { copies } = follower;
  const translation = new Translation(links);
  const exits = exitsOf(follower);
  const get = (id: string) => {
    const copy = copies.get(id);
    return copy && translation.of(copy);
  };
  const require = (id: string): Container => {
    const container = get(id);
    if (!container) throw new FairleadError('not-found', `No such container: ${id}`);
    return container;
  };
  /** After a change of ours the copy shows it. */
  const change = async (id: string, call: Parameters<EngineConnection['stream']>[0]) => {
    await connection.stream(call);
    await copies.refresh(id);
    return require(id);
  };
  return {
    kind: 'engine',
    recover: () => follower.start(),
    list: () => copies.list().map((copy) => translation.of(copy)),
    get,
    async create(spec) {
      const named = (ref: string) => links.engineNetworkOf(ref) ?? ref;
      const body = createBody(spec, options.resolver, named);
      const { id } = await connection.ask(z.object({ id: z.string() }), (docker) =>
        docker.createContainer(body),
      );
      const further = spec.networkMode.kind === 'network' ? spec.attachments.slice(1) : [];
      for (const { network, ...place } of further)
        await networks.connect(connection, named(network), id, place);
      await copies.refresh(id);
      return require(id);
    },
    async update(id, { name, restart }) {
      if (name !== undefined) await change(id, (docker) => docker.getContainer(id).rename({ name }));
      if (restart !== undefined) {
        const RestartPolicy =
          restart === 'none'
            ? { Name: 'no' }
            : { Name: restart.name, MaximumRetryCount: restart.maximumRetries };
        await change(id, (docker) => docker.getContainer(id).update({ RestartPolicy }));
      }
      return require(id);
    },
    async remove(id, { force = false } = {}) {
      await connection.stream((docker) => docker.getContainer(id).remove({ v: true, force }));
      await copies.refresh(id);
    },
    start: (id) => change(id, (docker) => unlessDone(() => docker.getContainer(id).start())),
    async signal(id, signal) {
      parseSignal(signal);
      await change(id, (docker) => docker.getContainer(id).kill({ signal }));
    },
    async stop(id, timeoutSeconds, signal) {
      const options = { t: timeoutSeconds, ...(signal ? { signal } : {}) };
      await change(id, (docker) => unlessDone(() => docker.getContainer(id).stop(options)));
    },
    onExit: (listener) => exits.listen(listener),
    logs: (id, options) => readEngineLogs(connection, require(id), options),
    sandboxOf: (id) => id,
    namespaceOf(id) {
      const pid = get(id)?.state.pid ?? 0;
      return pid === 0 ? undefined : `/proc/${pid}/ns/net`;
    },
    close: () => follower.close(),
  };
}

/** Ends are seen in the copies: those that happened while the Engine was not followed as well. */
function exitsOf(follower: EngineFollower): Exits {
  const exits = new Exits();
  follower.onChange((change) => {
    if (change.kind !== 'container' || change.before?.state.status !== 'running') return;
    const { before, after } = change;
    if (after?.state.status === 'running') return;
    exits.tell(before.id, after?.state.exitCode ?? 0);
  });
  return exits;
}
