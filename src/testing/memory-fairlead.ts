import { join } from 'node:path';
import { createMemoryLedger } from '../../kvstore/memory.ts';
import { folders } from '../cluster/keys.ts';
import { FairleadError, isKind } from '../lib/errors.ts';
import { runAll } from '../lib/undo.ts';
import { isPredefined } from '../network/predefined.ts';
import { CallFaults } from './call-faults.ts';
import type {
  Answers,
  CommandMatcher,
  ContainerInfo,
  ExecAnswer,
  ExecCall,
  Fairlead,
  FairleadOptions,
  FakeClock,
  FakeContainer,
  FakeStore,
  RunAnswer,
  RunMatcher,
  Script,
} from './contract.ts';
import { controlRoutes } from './control.ts';
import { milliseconds } from './duration.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { type Life, MemoryNode } from './memory-node.ts';
import { MovableClock } from './movable-clock.ts';
import { isNamed, Scripts } from './scripts.ts';

/** More would not fit into the addresses that documentation has (RFC 5737), nor into anybody's test. */
const maxNodes = 50;

/** The nodes of one test in one process, and what they share. */
export class MemoryFairlead implements Fairlead {
  readonly #clock: MovableClock;
  readonly #scripts = new Scripts();
  readonly #nodes: readonly MemoryNode[];
  readonly #first: MemoryNode;
  readonly #shared;
  readonly faults = new CallFaults();
  readonly clock: FakeClock;

  static async start(options: FairleadOptions = {}): Promise<MemoryFairlead> {
    const count = options.nodes ?? 1;
    if (!Number.isInteger(count) || count < 1 || count > maxNodes)
      throw new FairleadError(
        'invalid',
        `invalid nodes ${count}: expected a whole number from 1 to ${maxNodes}`,
      );
    for (const port of [options.port, options.dns]) refuseWrongPort(port);
    const folder = wantsSocket(options, count) ? await makeFolder() : undefined;
    const fairlead = new MemoryFairlead(options, folder);
    try {
      // One after another: the first one marks the store.
      for (const node of fairlead.#nodes) await node.revive();
      return fairlead;
    } catch (error) {
      await fairlead.close();
      throw error;
    }
  }

  private constructor(
    options: FairleadOptions,
    private readonly folder: string | undefined,
  ) {
    this.#clock = new MovableClock(beginOf(options.time));
    this.#shared = createMemoryLedger(this.#clock);
    const clock = this.#clock;
    this.clock = { now: () => new Date(clock.now()), advance: (by) => clock.advance(milliseconds(by)) };
    const node = (number: number) =>
      new MemoryNode({
        number,
        address: addressOf(options, number, folder),
        dnsPort: dnsPortOf(options, number),
        settings: settingsOf(options),
        clock,
        shared: this.#shared,
        scripts: this.#scripts,
        admit: (request, answer) => this.faults.admit(request, answer),
        routes: (app, self) => controlRoutes(app, this, self),
      });
    this.#first = node(1);
    this.#nodes = [this.#first, ...Array.from({ length: (options.nodes ?? 1) - 1 }, (_, i) => node(i + 2))];
  }

  get nodes() {
    return this.#nodes;
  }

  get host() {
    return this.#first.host;
  }

  get socketPath() {
    return this.#first.socketPath;
  }

  get port() {
    return this.#first.port;
  }

  get env() {
    return this.#first.env;
  }

  get dns() {
    return this.#first.dns;
  }

  get store(): FakeStore {
    return {
      away: (reason) => {
        for (const { store } of this.#nodes) store.away(reason);
      },
      back: async () => {
        await Promise.all(this.#nodes.map(({ store }) => store.back()));
      },
    };
  }

  container(ref: string): FakeContainer {
    return {
      onExec: (matcher, answers) => this.#scripts.onExec(ref, matcher, answers),
      onRun: (answers) => this.onRun((container) => isNamed(container, ref), answers),
      log: (text, stream = 'stdout') => {
        const { id, runtime } = this.#find(ref);
        runtime.write(id, { [stream]: text });
      },
      exit: async (exitCode = 0) => {
        const { id, runtime, daemon } = this.#find(ref);
        if (runtime.get(id)?.state.status !== 'running')
          throw new FairleadError('conflict', `Container ${id} is not running`);
        const left = daemon.model.containers.wait(id, 'next-exit');
        await runtime.exit(id, exitCode);
        await left;
      },
      setHealth: async (health) => {
        const { id, daemon } = this.#find(ref);
        await daemon.model.containers.setHealth(id, health);
      },
    };
  }

  onExec(matcher: CommandMatcher, answers: Answers<ExecAnswer, ExecCall>): Script {
    return this.#scripts.onExec(undefined, matcher, answers);
  }

  onRun(matcher: RunMatcher, answers: Answers<RunAnswer, ContainerInfo>): Script {
    return this.#scripts.onRun(matcher, answers);
  }

  async reset(): Promise<void> {
    this.#scripts.clear();
    this.faults.clear();
    await this.store.back();
    for (const node of this.#nodes) await node.revive();
    const models = this.#lives().map(({ daemon }) => daemon.model);
    for (const { containers } of models)
      for (const { id } of [...containers.list()]) await containers.remove(id, { force: true });
    for (const { services } of models)
      for (const { service } of await services.list()) await services.unpublish(service.id, { force: true });
    for (const { networks } of models) {
      const kept = networks.defaultNetwork().id;
      for (const { id, name } of networks.list())
        if (!isPredefined(name) && id !== kept) await networks.remove(id);
    }
    const apps = this.#shared.list(folders.apps);
    for (const { key } of apps) await this.#shared.commit([], [{ op: 'delete', key }]);
  }

  async close(): Promise<void> {
    await runAll([
      ...this.#nodes.map((node) => () => node.close()),
      async () => this.#clock.close(),
      async () => (this.folder === undefined ? undefined : await removeFolder(this.folder)),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #lives(): readonly Life[] {
    return this.#nodes.flatMap(({ life }) => life ?? []);
  }

  /** @throws not-found | invalid, in the Engine's words */
  #find(ref: string): Life & { readonly id: string } {
    for (const life of this.#lives()) {
      try {
        return { ...life, id: life.daemon.model.containers.find(ref).id };
      } catch (error) {
        if (!isKind(error, 'not-found')) throw error;
      }
    }
    throw new FairleadError('not-found', `No such container: ${ref}`);
  }
}

/** @throws invalid */
function refuseWrongPort(port: number | boolean | undefined): void {
  if (typeof port !== 'number' || (Number.isInteger(port) && port >= 0 && port <= 65535)) return;
  throw new FairleadError('invalid', `invalid port ${port}: expected a whole number from 0 to 65535`);
}

/** Windows has no unix sockets that Docker's clients know. */
function wantsSocket({ port, socketPath }: FairleadOptions, nodes: number): boolean {
  const ownFolder = socketPath === undefined || nodes > 1;
  return port === undefined && ownFolder && process.platform !== 'win32';
}

function addressOf({ port, socketPath }: FairleadOptions, number: number, folder: string | undefined) {
  if (number === 1 && socketPath !== undefined) return { kind: 'unix', path: socketPath } as const;
  if (folder !== undefined) {
    const name = number === 1 ? 'docker.sock' : `docker${number}.sock`;
    return { kind: 'unix', path: join(folder, name) } as const;
  }
  return { kind: 'tcp', host: '127.0.0.1', port: number === 1 ? (port ?? 0) : 0, tls: false } as const;
}

function dnsPortOf({ dns = false }: FairleadOptions, number: number): number | undefined {
  if (dns === false) return undefined;
  return dns === true || number > 1 ? 0 : dns;
}

function settingsOf({ leaseTtl, defaultNetwork, logLevel = 'silent' }: FairleadOptions) {
  return {
    'log-level': logLevel,
    ...(leaseTtl === undefined ? {} : { 'lease-ttl': `${milliseconds(leaseTtl) / 1000}s` }),
    ...(defaultNetwork === undefined ? {} : { 'default-network': defaultNetwork }),
  };
}

/** @throws invalid */
function beginOf(time: Date | string | undefined): number {
  const begin = time === undefined ? Date.now() : new Date(time).getTime();
  if (Number.isFinite(begin)) return begin;
  throw new FairleadError(
    'invalid',
    `invalid time ${JSON.stringify(time)}: expected a Date or a text as in RFC 3339`,
  );
}
