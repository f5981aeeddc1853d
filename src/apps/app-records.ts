import type { Check } from '../../kvstore/store.ts';
import type { Directory } from '../cluster/directory.ts';
import { folders, keys } from '../cluster/keys.ts';
import { commitWithRetry } from '../cluster/retry.ts';
import { FairleadError } from '../lib/errors.ts';
import { parseAppName } from './app-names.ts';
import { type App, appSchema, globalAppSchema, type Properties } from './records.ts';

const natural = new Intl.Collator('en', { numeric: true });

/** Apps in the store: the KV store where there is one, so that every host knows them. */
export class AppRecords {
  constructor(private readonly directory: Directory) {}

  /** Sorted by name. @throws unavailable */
  async list(): Promise<readonly App[]> {
    const entries = await this.directory.reachable('global').list(folders.apps);
    const apps = entries.filter(({ key }) => key !== keys.globalApp);
    return apps
      .map(({ value }) => appSchema.parse(JSON.parse(value)))
      .sort((a, b) => natural.compare(a.name, b.name));
  }

  async find(name: string): Promise<App | undefined> {
    const entry = await this.directory.reachable('global').get(keys.app(parseAppName(name)));
    return entry && appSchema.parse(JSON.parse(entry.value));
  }

  /** @throws not-found, in Dokku's words */
  async get(name: string): Promise<App> {
    const app = await this.find(name);
    if (!app) throw missing(name);
    return app;
  }

  /** @throws conflict when there is one of this name */
  async add(app: App): Promise<App> {
    const key = keys.app(parseAppName(app.name));
    const checks: Check[] = [{ key, expect: 'absent' }];
    const outcome = await this.directory.commit('global', checks, [
      { op: 'put', key, value: JSON.stringify(app) },
    ]);
    if (!outcome.ok) throw new FairleadError('conflict', 'Name is already taken');
    return app;
  }

  /** Replaces the record by what `to` makes of it, as it is at that moment. */
  async change(name: string, to: (app: App) => App): Promise<App> {
    const key = keys.app(parseAppName(name));
    return await commitWithRetry(this.directory, 'global', `change app ${name}`, async () => {
      const entry = await this.directory.reachable('global').get(key);
      if (!entry) throw missing(name);
      const result = to(appSchema.parse(JSON.parse(entry.value)));
      return {
        result,
        checks: [{ key, expect: 'version', version: entry.version }],
        writes: [{ op: 'put', key, value: JSON.stringify(result) }],
      };
    });
  }

  async remove(name: string): Promise<void> {
    await this.directory.commit('global', [], [{ op: 'delete', key: keys.app(parseAppName(name)) }]);
    await this.directory.commit('local', [], [{ op: 'delete', key: keys.deployed(name) }]);
  }

  /** From its first deploy on this host an app is deployed here, even while it is scaled to nothing. */
  async markDeployed({ name, created }: App): Promise<void> {
    const put = { op: 'put', key: keys.deployed(name), value: created } as const;
    await this.directory.commit('local', [], [put]);
  }

  /** An app that another host destroyed and created again has no deploy here. */
  async isDeployed({ name, created }: App): Promise<boolean> {
    return (await this.directory.reachable('local').get(keys.deployed(name)))?.value === created;
  }

  /** The properties that hold for every app. */
  async global(): Promise<Properties> {
    const entry = await this.directory.reachable('global').get(keys.globalApp);
    return entry ? globalAppSchema.parse(JSON.parse(entry.value)).properties : {};
  }

  async changeGlobal(to: (properties: Properties) => Properties): Promise<void> {
    const key = keys.globalApp;
    await commitWithRetry(this.directory, 'global', 'change global properties', async () => {
      const entry = await this.directory.reachable('global').get(key);
      const old = entry ? globalAppSchema.parse(JSON.parse(entry.value)).properties : {};
      return {
        result: undefined,
        checks: [entry ? { key, expect: 'version', version: entry.version } : { key, expect: 'absent' }],
        writes: [{ op: 'put', key, value: JSON.stringify({ properties: to(old) }) }],
      };
    });
  }
}

function missing(name: string): FairleadError {
  return new FairleadError('not-found', `App ${name} does not exist`);
}
