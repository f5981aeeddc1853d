import type { Container } from '../container/runtime.ts';
import { FairleadError, messageOf } from '../lib/errors.ts';
import type { CreateContainer } from '../network/model.ts';
import { runType } from './app-names.ts';
import type { AppDeps } from './deps.ts';
import { type ContainerType, labelsFor } from './labels.ts';
import { findNetwork, type Placement, takesAliases } from './placement.ts';
import { type App, type Process, processOf } from './records.ts';

export interface NewContainer {
  readonly app: App;
  readonly process: string;
  readonly type: ContainerType;
  readonly name: string;
  readonly placement: Placement;
  /** Of a one-off container. */
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
    const container = await containers.create(requestFor(wanted));
    try {
      for (const network of wanted.placement.postCreate) await this.attach(container, network);
    } catch (error) {
      await containers.remove(container.id, { force: true });
      throw error;
    }
    return container;
  }

  /** No error when it is on the network already. @throws what the network says, in Dokku's words */
  async attach({ id }: Container, networkName: string): Promise<void> {
    const { containers } = this.deps.model;
    const network = findNetwork(this.deps.model.networks, networkName);
    try {
      const isOn = containers.find(id).memberships.some(({ network: ref }) => sameNetwork(network, ref));
      if (!isOn) await containers.connect(network.id, id);
    } catch (error) {
      throw new FairleadError('conflict', `Unable to attach container to network: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  /** Names it on every network that it is on, or takes its names off. Its addresses stay. */
  async name({ id }: Container, naming: Parameters<AppDeps['setAliases']>[1]): Promise<void> {
    await this.deps.setAliases(id, naming, takesAliases);
  }
}

function sameNetwork({ id, name }: { readonly id: string; readonly name: string }, ref: string): boolean {
  return ref === id || ref === name;
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
    // A host port of its own for each, picked anew at every deploy.
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

/** Programs of buildpacks listen where PORT says. */
function portVariable({ ports: [port] }: Process): readonly string[] {
  return port === undefined ? [] : [`PORT=${port}`];
}
