import type * as z from 'zod';
import type { Endpoint, Network, Scope } from '../../src/cluster/records.ts';
import { FairleadError, isKind, messageOf, withContext } from '../../src/lib/errors.ts';
import { shortId } from '../../src/lib/ids.ts';
import type { Logger } from '../../src/lib/log.ts';
import { type UndoStack, withUndo } from '../../src/lib/undo.ts';
import type { Driver, JoinPlace, JoinResult } from '../driver.ts';
import { Refusal } from './client.ts';
import { assignedBy, joinResult } from './join-result.ts';
import {
  capabilitiesAnswer,
  createEndpointRequest,
  createNetworkRequest,
  empty,
  endpointAnswer,
  endpointOptions,
  joinAnswer,
} from './network-wire.ts';
import { RemoteNodes } from './nodes.ts';
import type { Plugin } from './plugin.ts';

/**
 * A plugin as a driver. When it is told of networks:
 * - once when one is created, and then any error is the answer to whoever creates it;
 * - again, in its life or in ours, when it may have forgotten: after a restart of it (another socket) or of
 *   this daemon. One that has not forgotten refuses a network that "exists": ids are random and never meet,
 *   so that can only be this network, and is what was wanted.
 * Endpoints are not told again: the interface is in the container, and works on without the plugin.
 */
export function createRemoteDriver(plugin: Plugin, log: Logger): Driver {
  const remote = new RemoteNetworks(plugin, log);
  return {
    name: plugin.name,
    givesMacs: true,
    givesAddresses: true,
    routesElsewhere: true,
    publishesPorts: true,
    foreignGateways: true,
    keepsEndpoints: true,
    scope: () => remote.scope(),
    addressed: true,
    single: false,
    validate() {},
    ensureNetwork: (network, fresh = false) => remote.ensureNetwork(network, fresh),
    removeNetwork: (network) => remote.removeNetwork(network),
    join: (network, endpoint, place) => remote.join(network, endpoint, place),
    leave: (network, endpoint) => remote.leave(network, endpoint),
    setNodes: (nodes) => remote.nodes.set(nodes),
  };
}

class RemoteNetworks {
  /** Network id → the plugin's life in which it was told of it. */
  readonly #told = new Map<string, string>();
  readonly #joined = new Map<string, JoinResult>();
  readonly nodes: RemoteNodes;

  constructor(
    private readonly plugin: Plugin,
    private readonly log: Logger,
  ) {
    this.nodes = new RemoteNodes(plugin, log);
  }

  /** @throws not-found | unavailable | internal */
  async scope(): Promise<Scope> {
    await this.plugin.require('NetworkDriver');
    try {
      const { Scope: scope, ConnectivityScope } = await this.#call(
        'GetCapabilities',
        undefined,
        capabilitiesAnswer,
      );
      for (const said of [scope, ConnectivityScope || scope]) {
        if (said !== 'local' && said !== 'global')
          throw new Error(`it says that its scope is "${said}", expected local or global`);
      }
      return scope === 'global' ? 'global' : 'local';
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      throw new FairleadError(
        'internal',
        `could not resolve driver ${this.plugin.name} in registry: ${messageOf(error)}`,
      );
    }
  }

  async ensureNetwork(network: Network, fresh: boolean): Promise<void> {
    const life = await this.plugin.life();
    if (life !== undefined && this.#told.get(network.id) === life) return;
    try {
      // Of what is repeated every minute, one short try is enough.
      await this.#call('CreateNetwork', createNetworkRequest(network), empty, fresh);
    } catch (error) {
      if (fresh || isKind(error, 'unavailable') || !/exist/i.test(messageOf(error))) throw error;
    }
    this.#told.set(network.id, (await this.plugin.life()) ?? '');
  }

  async removeNetwork(network: Network): Promise<void> {
    this.#told.delete(network.id);
    await this.#tell('DeleteNetwork', { NetworkID: network.id }, `network ${network.name}`);
  }

  async join(network: Network, endpoint: Endpoint, place?: JoinPlace): Promise<JoinResult> {
    const known = this.#joined.get(endpoint.id);
    if (known) return known;
    const result = await withUndo(async (undo) => {
      const ids = { NetworkID: network.id, EndpointID: endpoint.id };
      const options = endpointOptions(endpoint, place);
      const takeBack = (method: string) => () => this.#tell(method, ids, `endpoint ${shortId(endpoint.id)}`);
      const request = createEndpointRequest(network, endpoint, options);
      const { Interface } = await this.#make(
        'CreateEndpoint',
        request,
        endpointAnswer,
        takeBack('DeleteEndpoint'),
        undo,
      );
      const assigned = assignedBy(Interface, endpoint);
      const joining = { ...ids, SandboxKey: place?.sandboxPath ?? '', Options: options };
      const answer = await this.#make('Join', joining, joinAnswer, takeBack('Leave'), undo);
      const joined = joinResult(answer, assigned, network);
      if (joined.gateway ?? joined.gateway6) await this.#program(endpoint, { ...ids, Options: options });
      // Asked for as the Engine asks; there is no use for what it says.
      await this.#tell('EndpointOperInfo', ids, `endpoint ${shortId(endpoint.id)}`);
      return joined;
    });
    this.#joined.set(endpoint.id, result);
    return result;
  }

  /** What fails is logged only, as in the Engine: a plugin that is gone must not hold a container. */
  async leave(network: Network, endpoint: Endpoint): Promise<void> {
    this.#joined.delete(endpoint.id);
    const ids = { NetworkID: network.id, EndpointID: endpoint.id };
    for (const method of ['RevokeExternalConnectivity', 'Leave', 'DeleteEndpoint']) {
      await this.#tell(method, ids, `endpoint ${shortId(endpoint.id)} of ${endpoint.containerName}`);
    }
  }

  /** What was done is taken back when a later step fails; so is what may have been done, unless it was refused. */
  async #make<T>(
    method: string,
    request: object,
    schema: z.ZodType<T>,
    takeBack: () => Promise<void>,
    undo: UndoStack,
  ): Promise<T> {
    try {
      const answer = await this.#call(method, request, schema);
      undo.push(method, takeBack);
      return answer;
    } catch (error) {
      if (!(error instanceof Refusal)) undo.push(method, takeBack);
      throw error;
    }
  }

  async #program(endpoint: Endpoint, request: object): Promise<void> {
    try {
      await this.#call('ProgramExternalConnectivity', request, empty);
    } catch (error) {
      // Older plugins do not know it, and need not.
      if (isKind(error, 'unsupported')) return;
      const what = 'driver failed programming external connectivity on endpoint';
      throw withContext(`${what} ${endpoint.containerName} (${endpoint.id})`, error);
    }
  }

  async #tell(method: string, request: object, what: string): Promise<void> {
    try {
      await this.#call(method, request, empty);
    } catch (error) {
      if (isKind(error, 'unsupported')) return;
      this.log.warn({ err: error }, `plugin ${this.plugin.name}: ${method} of ${what}: ${messageOf(error)}`);
    }
  }

  #call<T>(method: string, request: unknown, schema: z.ZodType<T>, patient = true): Promise<T> {
    return this.plugin.call('NetworkDriver', method, request, schema, { patient });
  }
}
