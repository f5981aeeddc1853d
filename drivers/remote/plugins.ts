import { dockerPatience, type Patience } from './client.ts';
import { dockerDirectories, listPlugins, type PluginDirectories } from './discovery.ts';
import { Plugin, type PluginState } from './plugin.ts';

/** The plugins of this host, each made when it is first asked for. */
export class Plugins {
  readonly #known = new Map<string, Plugin>();

  constructor(
    private readonly directories: PluginDirectories = dockerDirectories,
    private readonly patience: Patience = dockerPatience,
  ) {}

  /** Whether there is one shows when it is used. */
  named(name: string): Plugin {
    const known = this.#known.get(name) ?? new Plugin(name, this.directories, this.patience);
    this.#known.set(name, known);
    return known;
  }

  /** Of those that have a file and those that were used, sorted by name. Calls none of them. */
  states(): readonly PluginState[] {
    const names = new Set(listPlugins(this.directories));
    const states = [...names].map((name) => this.#known.get(name)?.state() ?? found(name));
    const gone = [...this.#known.values()]
      .filter(({ name }) => !names.has(name))
      .map((plugin) => plugin.state());
    return [...states, ...gone.filter(({ implements: services }) => services.length > 0).map(missing)].sort(
      (a, b) => (a.name < b.name ? -1 : 1),
    );
  }
}

function found(name: string): PluginState {
  return { name, implements: [], state: 'found' };
}

/** It was used, and its file has gone. */
function missing({ name, implements: services }: PluginState): PluginState {
  return {
    name,
    implements: services,
    state: 'missing',
    reason: 'no socket, .spec or .json file of it is there',
  };
}
