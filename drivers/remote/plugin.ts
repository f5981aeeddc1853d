import * as z from 'zod';
import { FairleadError, isKind, messageOf } from '../../src/lib/errors.ts';
import { formatPluginAddress } from './address.ts';
import { type CallOptions, type Patience, PluginClient } from './client.ts';
import { findPlugin, type PluginDirectories } from './discovery.ts';

export type PluginService = 'NetworkDriver' | 'IpamDriver';

/** How a plugin stands, for people. */
export interface PluginState {
  readonly name: string;
  /** Absent: no file of it is there (any more). */
  readonly address?: string;
  /** Empty until it was activated. */
  readonly implements: readonly string[];
  /** `found`: never used yet; `missing`: it is used by a network, and no file of it is there. */
  readonly state: 'found' | 'active' | 'unreachable' | 'missing';
  readonly reason?: string;
}

const activation = z.object({ Implements: z.array(z.string()).nullish() });

/** One plugin by name: found when it is first needed, activated once, found anew when it has moved. */
export class Plugin {
  #activated: Promise<{ client: PluginClient; services: readonly string[] }> | undefined;
  #client: PluginClient | undefined;
  #services: readonly string[] = [];
  #missing = false;

  constructor(
    readonly name: string,
    private readonly directories: PluginDirectories,
    private readonly patience: Patience,
  ) {}

  /**
   * Calls `service.method`.
   * @throws unavailable when there is no such plugin or it does not answer; otherwise as PluginClient.call
   */
  async call<T>(
    service: PluginService,
    method: string,
    request: unknown,
    schema: z.ZodType<T>,
    options: CallOptions = {},
  ): Promise<T> {
    const client = await this.#serving(service, options).catch((error: unknown) => {
      // What uses it exists: that the plugin does not is a trouble of the moment.
      throw isKind(error, 'not-found') ? new FairleadError('unavailable', messageOf(error)) : error;
    });
    try {
      return await client.call(`${service}.${method}`, request, schema, options);
    } catch (error) {
      // It may be found elsewhere the next time.
      if (isKind(error, 'unavailable')) this.#activated = undefined;
      throw error;
    }
  }

  /** @throws not-found, in the Engine's words; internal when it is of another kind; unavailable */
  async require(service: PluginService, options: CallOptions = {}): Promise<void> {
    await this.#serving(service, options);
  }

  /** Another one after each restart of the plugin; undefined: it is not there. */
  async life(): Promise<string | undefined> {
    return await this.#client?.life();
  }

  state(): PluginState {
    const { name } = this;
    const client = this.#client;
    if (this.#missing || !client) return { name, implements: [], state: this.#missing ? 'missing' : 'found' };
    const { trouble } = client;
    return {
      name,
      address: formatPluginAddress(client.address),
      implements: this.#services,
      state: trouble === undefined ? 'active' : 'unreachable',
      ...(trouble === undefined ? {} : { reason: trouble }),
    };
  }

  async #serving(service: PluginService, options: CallOptions): Promise<PluginClient> {
    this.#activated ??= this.#activate(options);
    const activated = this.#activated;
    activated.catch(() => {
      if (this.#activated === activated) this.#activated = undefined;
    });
    const { client, services } = await activated;
    if (services.includes(service)) return client;
    throw new FairleadError(
      'internal',
      `legacy plugin: Plugin does not implement the requested driver: "${this.name}" implements ` +
        `${services.join(', ') || 'nothing'}, not ${service}`,
    );
  }

  async #activate(options: CallOptions) {
    const address = await findPlugin(this.name, this.directories);
    this.#missing = address === undefined;
    if (!address) throw new FairleadError('not-found', `plugin "${this.name}" not found`);
    const known = this.#client;
    const same = known && formatPluginAddress(known.address) === formatPluginAddress(address);
    // A client that is in trouble knows it, and does not wait again.
    const client = same ? known : new PluginClient(this.name, address, this.patience);
    this.#client = client;
    try {
      const { Implements } = await client.call('Plugin.Activate', undefined, activation, options);
      this.#services = Implements ?? [];
      return { client, services: this.#services };
    } catch (error) {
      if (isKind(error, 'unavailable')) throw error;
      throw new FairleadError('internal', `legacy plugin: ${messageOf(error)}`, { cause: error });
    }
  }
}
