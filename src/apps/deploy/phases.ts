import type { Container } from '../../container/container.ts';
import { FairleadError, messageOf } from '../../lib/errors.ts';
import { shortId } from '../../lib/ids.ts';
import { isName } from '../../lib/names.ts';
import type { CreateContainer, Naming } from '../../network/model.ts';
import { runType } from '../app-names.ts';
import type { AppDeps } from '../deps.ts';
import { type ContainerType, labelsFor } from '../labels.ts';
import { type App, type Process, processOf } from '../records.ts';
import { findNetwork, isCalled, type Placement, takesAliases } from './placement.ts';

export interface NewContainer {
  readonly app: App;
  readonly process: string;
  readonly type: ContainerType;
  readonly name: string;
  readonly placement: Placement;
  /** Those of its process, where aliases can be set only at connect; absent: none. */
  readonly aliases?: readonly string[];
  /** The command of a one-off container. */
  readonly command?: readonly string[];
  readonly env?: readonly string[];
  readonly tty?: boolean;
  readonly openStdin?: boolean;
}

/** The steps of a container's way onto its networks, as Dokku has them: created, running, serving. */
export class Phases {
  constructor(private readonly deps: Pick<AppDeps, 'model' | 'setAliases'>) {}

  /** `initial-network` at creation, `attach-post-create` while it does not run yet: in build, deploy and run. */
  async create(wanted: NewContainer): Promise<Container> {
    const { containers } = this.deps.model;
    const container = await containers.create({ ...requestFor(wanted), ...this.#firstPlace(wanted) });
    try {
      for (const network of wanted.placement.postCreate)
        await this.attach(container, network, wanted.aliases);
    } catch (error) {
      await containers.remove(container.id, { force: true });
      throw error;
    }
    return container;
  }

  /**
   * No error when it is on the network already. `aliases`: its process's on a network where they cannot be set
   * later. @throws what the network says, in Dokku's words
   */
  async attach(container: Container, networkName: string, aliases: readonly string[] = []): Promise<void> {
    const { containers, networks } = this.deps.model;
    const { id } = container;
    const network = findNetwork(networks, networkName);
    const settings = networks.isOurs(network) ? {} : { aliases: withOwn(container, aliases) };
    try {
      const isOn = containers.find(id).attachments.some(({ network: ref }) => isCalled(network, ref));
      if (!isOn) await containers.connect(network.id, id, settings);
    } catch (error) {
      throw new FairleadError('conflict', `Unable to attach container to network: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** As `attach`, for `initial-network`. */
  #firstPlace({ placement: { initial }, aliases = [] }: NewContainer): Pick<CreateContainer, 'endpoints'> {
    const { networks } = this.deps.model;
    const network = networks.list().find((one) => isCalled(one, initial));
    if (!network || networks.isOurs(network) || !takesAliases(network)) return {};
    return { endpoints: { [initial]: { aliases } } };
  }

  /** Puts a container that runs on all its networks, and under its name there. */
  async ensure(container: Container, { postCreate, postDeploy }: Placement, naming: Naming): Promise<void> {
    for (const network of [...postCreate, ...postDeploy])
      await this.attach(container, network, naming.aliases);
    await this.name(container, naming);
  }

  /** Names it on every network of ours that it is on, or takes its names off. Its addresses stay. */
  async name(container: Container, naming: Naming): Promise<void> {
    const aliases = withOwn(container, naming.aliases);
    await this.deps.setAliases(container.id, { ...naming, aliases }, takesAliases);
  }
}

/**
 * Each alias that a process's containers share, and `HOSTNAME.ALIAS` of this one alone (Dokku's attachAppToNetwork). A
 * host name that DNS cannot have gives none: the shared one must not fail with it.
 */
function withOwn({ id, spec }: Container, shared: readonly string[]): readonly string[] {
  const own = shared.map((alias) => `${spec.hostname || shortId(id)}.${alias}`);
  return [...shared, ...own.filter(isName)];
}

function requestFor(wanted: NewContainer): CreateContainer {
  const { app, process: type, placement } = wanted;
  const process = processOf(app, type === runType ? 'web' : type);
  const serves = wanted.type === 'deploy';
  const ports = serves ? process.ports.map((port) => ({ protocol: 'tcp' as const, port })) : [];
  return {
    name: wanted.name,
    image: process.image,
    command: wanted.command ?? process.command,
    env: [...portVariable(process), ...process.env, ...(wanted.env ?? [])],
    labels: labelsFor(app.name, type, wanted.type),
    networkMode: placement.initial || 'default',
    exposedPorts: ports,
    // Each gets a host port of its own, picked again at every deploy.
    ...(serves && placement.bindAllInterfaces
      ? { publish: { all: false, ports: ports.map((port) => ({ ...port, address: '0.0.0.0' })) } }
      : {}),
    // Dokku's default policy.
    ...(serves ? { restart: { name: 'on-failure', maximumRetries: 10 } } : {}),
    ...(serves ? {} : { autoRemove: wanted.type === 'run' }),
    tty: wanted.tty ?? false,
    openStdin: wanted.openStdin ?? false,
  };
}

/** Programs of buildpacks listen on PORT. */
function portVariable({ ports: [port] }: Process): readonly string[] {
  return port === undefined ? [] : [`PORT=${port}`];
}
