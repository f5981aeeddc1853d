import { EngineHost } from './engine-host.ts';
import type { EngineVersion } from './engine-version.ts';
import { Reaper } from './reaper.ts';
import { Underlay } from './underlay.ts';

/** One host with a Docker Engine and a daemon beside it, without a KV store. Whatever becomes of this process, it goes. */
export class EngineAlone implements AsyncDisposable {
  readonly #reaper: Reaper;

  private constructor(
    readonly host: EngineHost,
    reaper: Reaper,
  ) {
    this.#reaper = reaper;
  }

  static async create(flags: readonly string[] = [], version?: EngineVersion): Promise<EngineAlone> {
    const reaper = new Reaper();
    const underlay = await Underlay.create(1);
    for (const name of underlay.namespaces) reaper.namespace(name);
    try {
      const host = await EngineHost.create({
        network: underlay.host(1),
        name: 'host1',
        reaper,
        ...(version !== undefined && { version }),
        config: { dns: ['169.254.53.53'] },
        flags: ['--dns-listen', 'none', '--advertise', 'up0', ...flags],
      });
      await host.startDaemon();
      return new EngineAlone(host, reaper);
    } catch (error) {
      await reaper.reap();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reaper.reap();
  }
}
