import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../kvstore/local/memory.ts';
import type { Apps } from '../../../src/apps/apps.ts';
import { createApps } from '../../../src/apps/create-apps.ts';
import { followContainers } from '../../../src/apps/follower.ts';
import { keys } from '../../../src/cluster/keys.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { createTestModel } from '../../rig/model.ts';
import { until } from '../../rig/until.ts';

type TestModel = Awaited<ReturnType<typeof createTestModel>>;

describe('an app', () => {
  let model: TestModel;
  let apps: Apps;
  beforeEach(async () => {
    model = await createTestModel();
    apps = createApps({ directory: model.directory, model, dnsTtlSeconds: 0 });
    for (const name of ['first', 'created', 'deployed']) await model.networks.create({ name });
    await apps.create('shop');
  });
  afterEach(() => model[Symbol.asyncDispose]());

  const networkOf = (ref: string) =>
    model.networks.list().find(({ id, name }) => id === ref || name === ref)?.name;
  /** Container → network → aliases, as DNS sees them. */
  const places = () =>
    Object.fromEntries(
      model.containers
        .list()
        .map(({ name, attachments }) => [
          name,
          Object.fromEntries(attachments.map(({ network, aliases }) => [networkOf(network), aliases])),
        ]),
    );
  const holders = (network: string, alias: string) =>
    model.directory
      .endpointsOf(model.networks.find(network).id)
      .filter(({ aliases }) => aliases.includes(alias))
      .map(({ containerName }) => containerName)
      .sort();
  const useAllPhases = async () => {
    await apps.setProperty('shop', 'initial-network', ['first']);
    await apps.setProperty('shop', 'attach-post-create', ['created']);
    await apps.setProperty('shop', 'attach-post-deploy', ['deployed']);
  };

  it('is known under one name, and in the store', async () => {
    await expect(apps.create('shop')).rejects.toThrow('Name is already taken');
    await expect(apps.get('shed')).rejects.toThrow('App shed does not exist');
    await expect(apps.create('Shop')).rejects.toThrow(
      'App name must begin with lowercase alphanumeric character',
    );
    await expect(apps.create('shop one')).rejects.toThrow('App name cannot be used in DNS');
    await apps.setProperty('shop', 'tld', ['svc.cluster.local']);
    await apps.setProperty('--global', 'tld', ['global']);
    expect(JSON.parse((await model.store.get('apps/shop'))?.value ?? '')).toMatchObject({
      name: 'shop',
      properties: { tld: 'svc.cluster.local' },
      scale: { web: 1 },
    });
    expect((await model.store.get(keys.globalApp))?.value).toBe('{"properties":{"tld":"global"}}');
    expect((await apps.list()).map(({ name }) => name)).toEqual(['shop']);
    await apps.setProperty('shop', 'tld', []);
    expect((await apps.report('shop'))['network-computed-tld']).toBe('global');
  });

  it('goes through the phases: every network has the alias, the default bridge has none', async () => {
    await apps.rebuild('shop');
    expect(places()).toEqual({ 'shop.web.1': { bridge: [] } });
    await useAllPhases();
    await apps.rebuild('shop');
    const [{ id, spec } = { id: '', spec: undefined }] = model.containers.list();
    const alias = ['shop.web', `${id.slice(0, 12)}.shop.web`];
    expect(places()).toEqual({ 'shop.web.1': { first: alias, created: alias, deployed: alias } });
    expect(spec?.labels).toEqual({
      'com.dokku.app-name': 'shop',
      'com.dokku.process-type': 'web',
      'com.dokku.container-type': 'deploy',
    });
    expect(spec?.env).toEqual(['PORT=5000']);
    expect((await apps.report('shop'))['network-web-listeners']).toMatch(/^172\.18\.0\.\d+:5000$/);
  });

  it('is known by its own name below the shared one: what --hostname said, else its id, with the tld', async () => {
    const labels = { 'com.dokku.app-name': 'theirs', 'com.dokku.process-type': 'web' };
    const start = async (name: string, hostname: string) => {
      const { id } = await model.containers.create({
        ...{ name, image: 'x', labels, networkMode: 'created' },
        ...(hostname === '' ? {} : { hostname }),
      });
      await model.containers.start(id);
      await apps.nameContainer(id);
      return id;
    };
    const one = (await start('theirs.web.1', '')).slice(0, 12);
    await start('theirs.web.2', 'two.example');
    await start('theirs.web.3', '-three');
    expect(holders('created', `${one}.theirs.web`)).toEqual(['theirs.web.1']);
    expect(holders('created', 'two.example.theirs.web')).toEqual(['theirs.web.2']);
    expect(holders('created', 'theirs.web')).toEqual(['theirs.web.1', 'theirs.web.2', 'theirs.web.3']);
    await apps.setProperty('theirs', 'tld', ['internal']);
    await apps.rebuildNetwork('theirs');
    expect(holders('created', `${one}.theirs.web.internal`)).toEqual(['theirs.web.1']);
    expect(holders('created', `${one}.theirs.web`)).toEqual([]);
    expect((await apps.names('theirs')).map(({ name }) => name)).toEqual(['theirs.web.internal']);
  });

  it('shares the alias among all containers of a process, and none with one-off ones', async () => {
    await useAllPhases();
    await apps.scale('shop', { web: 3, worker: 1 });
    expect(model.containers.list()).toEqual([]);
    await apps.rebuild('shop');
    const run = await apps.createRun('shop', { command: ['ls'], env: [], tty: false, openStdin: false });
    await model.containers.start(run.id);
    expect(holders('deployed', 'shop.web')).toEqual(['shop.web.1', 'shop.web.2', 'shop.web.3']);
    expect(holders('deployed', 'shop.worker')).toEqual(['shop.worker.1']);
    expect(places()[run.name]).toEqual({ first: [], created: [] });
    expect(model.containers.find(run.id).spec.labels['com.dokku.container-type']).toBe('run');
    const names = await apps.names('shop');
    expect(
      names.map(({ process, network, name, addresses }) => [process, network, name, addresses.length]),
    ).toEqual([
      ['web', 'created', 'shop.web', 3],
      ['web', 'deployed', 'shop.web', 3],
      ['web', 'first', 'shop.web', 3],
      ['worker', 'created', 'shop.worker', 1],
      ['worker', 'deployed', 'shop.worker', 1],
      ['worker', 'first', 'shop.worker', 1],
    ]);
  });

  it('never leaves the alias without a holder', async () => {
    await apps.setProperty('shop', 'attach-post-deploy', ['deployed']);
    await apps.scale('shop', { web: 2 });
    await apps.rebuild('shop');
    const before = model.containers.list().map(({ id }) => id);
    const seen: number[] = [];
    const stop = model.directory.subscribe(() => seen.push(holders('deployed', 'shop.web').length));
    await apps.rebuild('shop');
    await apps.scale('shop', { web: 5 });
    await apps.scale('shop', { web: 1 });
    stop();
    expect(Math.min(...seen)).toBeGreaterThan(0);
    expect(Math.max(...seen)).toBeGreaterThanOrEqual(5);
    expect(holders('deployed', 'shop.web')).toEqual(['shop.web.1']);
    const after = model.containers.list();
    expect(after.map(({ name }) => name)).toEqual(['shop.web.1']);
    expect(before).not.toContain(after[0]?.id);
  });

  it('leaves the old containers serving, and nothing else, when a network is missing', async () => {
    await apps.setProperty('shop', 'attach-post-deploy', ['deployed']);
    await apps.rebuild('shop');
    const before = model.containers.list();
    await apps.setProperty('shop', 'attach-post-deploy', ['absent']);
    await expect(apps.rebuild('shop')).rejects.toThrow('Network absent does not exist');
    expect(model.containers.list()).toEqual(before);
    expect(holders('deployed', 'shop.web')).toEqual(['shop.web.1']);
    await expect(apps.scale('shop', { web: 4 })).rejects.toThrow('Network absent does not exist');
    expect((await apps.get('shop')).scale).toEqual({ web: 1 });
  });

  it('leaves nothing of a deploy that fails half-way', async () => {
    await apps.rebuild('shop');
    const before = model.containers.list();
    // One address is left for two containers.
    await model.networks.create({ name: 'small', ipam: { config: [{ subnet: '10.9.0.0/30' }] } });
    await apps.setProperty('shop', 'attach-post-deploy', ['small']);
    await apps.scale('shop', { web: 1, worker: 0 });
    await apps.setProcess('shop', 'worker', { image: 'worker' });
    await expect(apps.scale('shop', { web: 1, worker: 2 }).then(() => apps.rebuild('shop'))).rejects.toThrow(
      'Unable to attach container to network',
    );
    expect(model.containers.list().map(({ id }) => id)).toEqual(before.map(({ id }) => id));
    expect(await model.networks.endpoints(model.networks.find('small').id)).toEqual([]);
  });

  it('clears what a deploy left that died', async () => {
    await apps.rebuild('shop');
    const labels = { 'com.dokku.app-name': 'shop', 'com.dokku.process-type': 'web' };
    for (const name of ['shop.web.1.upcoming-00c0ffee', 'shop.web.1.retired-0badcafe'])
      await model.containers.start((await model.containers.create({ name, image: 'x', labels })).id);
    expect((await apps.deployed('shop')).containers.map(({ container }) => container.name)).toEqual([
      'shop.web.1',
    ]);
    await apps.rebuild('shop');
    expect(model.containers.list().map(({ name }) => name)).toEqual(['shop.web.1']);
  });

  it('rebuilds its network: puts containers back and follows the tld, in place', async () => {
    await useAllPhases();
    await apps.rebuild('shop');
    const [address] = (await apps.names('shop')).filter(({ network }) => network === 'created');
    await model.containers.disconnect('deployed', 'shop.web.1');
    await apps.setProperty('shop', 'tld', ['svc.cluster.local']);
    expect(await apps.rebuildNetwork('shop')).toEqual({
      failed: 0,
      steps: [{ level: 'step', text: 'Ensuring network configuration is in sync for shop' }],
    });
    const names = await apps.names('shop');
    expect(names.map(({ network, name }) => `${name} on ${network}`)).toEqual([
      'shop.web.svc.cluster.local on created',
      'shop.web.svc.cluster.local on deployed',
      'shop.web.svc.cluster.local on first',
    ]);
    expect(names[0]?.addresses).toEqual(address?.addresses);
    await apps.setProperty('shop', 'attach-post-deploy', ['absent']);
    expect((await apps.rebuildNetwork('shop')).failed).toBe(1);
  });

  it('is known by the labels of containers that somebody else started', async () => {
    const start = async (name: string, process: string, more = {}) => {
      const labels = { 'com.dokku.app-name': 'theirs', 'com.dokku.process-type': process, ...more };
      const spec = { name, image: 'x', labels, exposedPorts: [{ protocol: 'tcp' as const, port: 8000 }] };
      await model.containers.start((await model.containers.create({ ...spec, networkMode: 'created' })).id);
    };
    await start('theirs.web.1', 'web');
    const stop = followContainers(apps, model, silentLogger);
    await start('theirs.web.2', 'web');
    await start('theirs.run.1', 'run', { 'com.dokku.container-type': 'run' });
    await model.containers.start((await model.containers.create({ name: 'nobodys', image: 'x' })).id);
    await until(
      'both',
      () => holders('created', 'theirs.web'),
      (found) => found.length === 2,
    );
    await model.containers.connect('deployed', 'theirs.web.1');
    await until(
      'the other network',
      () => holders('deployed', 'theirs.web'),
      (found) => found.length === 1,
    );
    expect((await apps.list()).map(({ name, scale }) => [name, scale])).toEqual([
      ['shop', { web: 1 }],
      ['theirs', { web: 2 }],
    ]);
    expect((await apps.report('theirs'))['network-web-listeners']).toMatch(
      /^172\.19\.0\.\d+:8000 172\.19\.0\.\d+:8000$/,
    );
    await apps.setProperty('theirs', 'tld', ['internal']);
    await apps.rebuildNetwork('theirs');
    expect(holders('created', 'theirs.web.internal')).toEqual(['theirs.web.1', 'theirs.web.2']);
    expect((await model.store.get('apps/theirs'))?.value).toContain('"tld":"internal"');
    stop();
  });

  it('stays deployed while it is scaled to nothing, and comes back', async () => {
    await apps.scale('shop', { web: 2 });
    expect(await apps.deployed('shop')).toEqual({ deployed: false, containers: [] });
    await apps.rebuild('shop');
    await apps.scale('shop', { web: 0 });
    expect(await apps.deployed('shop')).toEqual({ deployed: true, containers: [] });
    await apps.scale('shop', { web: 1 });
    expect(model.containers.list().map(({ name }) => name)).toEqual(['shop.web.1']);
    await apps.destroy('shop');
    await apps.create('shop');
    await apps.scale('shop', { web: 1 });
    expect(model.containers.list()).toEqual([]);
  });

  it('follows a deploy of Dokku itself: the name never goes, and the retired lose it', async () => {
    const labels = { 'com.dokku.app-name': 'theirs', 'com.dokku.process-type': 'web' };
    const start = async (name: string, type: string) => {
      const spec = { name, image: 'x', networkMode: 'created', env: ['PORT=3000'] };
      const { id } = await model.containers.create({
        ...spec,
        labels: { ...labels, 'com.dokku.container-type': type },
      });
      await model.containers.start(id);
      return id;
    };
    const stop = followContainers(apps, model, silentLogger);
    const named = (...want: readonly string[]) =>
      until(
        `names of ${want}`,
        () => holders('created', 'theirs.web'),
        (found) => found.join() === want.join(),
      );
    const old = await start('theirs.web.1', 'deploy');
    await named('theirs.web.1');
    await start('theirs.cron.4711', 'cron');
    const fresh = await start('theirs.web.1.upcoming-4711', 'deploy');
    await named('theirs.web.1', 'theirs.web.1.upcoming-4711');
    await model.containers.rename(old, 'theirs.web.1.1700000000');
    await model.containers.rename(fresh, 'theirs.web.1');
    await named('theirs.web.1');
    expect((await apps.report('theirs'))['network-web-listeners']).toMatch(/^172\.19\.0\.\d+:3000$/);
    stop();
  });

  it('keeps the names that it has until it is rebuilt, also where it is put later', async () => {
    await apps.setProperty('shop', 'attach-post-create', ['created']);
    await apps.rebuild('shop');
    await apps.setProperty('shop', 'tld', ['internal']);
    await apps.setProcess('shop', 'web', { dnsPolicy: 'ordered' });
    const stop = followContainers(apps, model, silentLogger);
    await model.containers.connect('deployed', 'shop.web.1');
    await until(
      'the other network',
      () => holders('deployed', 'shop.web'),
      (found) => found.length === 1,
    );
    expect(holders('created', 'shop.web')).toEqual(['shop.web.1']);
    const policies = () =>
      ['created', 'deployed'].map(
        (name) => model.directory.endpointsOf(model.networks.find(name).id)[0]?.dnsPolicy,
      );
    expect(policies()).toEqual(['turn', 'turn']);
    await apps.rebuildNetwork('shop');
    expect(holders('deployed', 'shop.web.internal')).toEqual(['shop.web.1']);
    expect(policies()).toEqual(['ordered', 'ordered']);
    stop();
  });

  it('is named after a subscriber was cut off, and while another app is deployed', async () => {
    let named: string[] = [];
    let hold: (() => void) | undefined;
    const slow = {
      nameContainer: async (id: string) => {
        named.push(id);
        if (id === 'slow') await new Promise<void>((resolve) => (hold = resolve));
      },
    };
    const stop = followContainers(slow, model, silentLogger);
    const started = (ID: string) =>
      model.events.emit({ Type: 'container', Action: 'start', Actor: { ID, Attributes: {} } });
    started('slow');
    started('quick');
    await until(
      'both',
      () => named,
      (ids) => ids.join() === 'slow,quick',
    );
    named = [];
    // More at once than a subscriber may leave unread.
    for (let n = 0; n < 9000; n++)
      model.events.emit({ Type: 'network', Action: 'create', Actor: { ID: 'n', Attributes: {} } });
    await until(
      'it follows again',
      () => {
        started('later');
        return named;
      },
      (ids) => ids.includes('later'),
    );
    hold?.();
    stop();
  });

  it('does not begin when a container that is not its own has the name', async () => {
    await model.containers.create({ name: 'shop.web.1', image: 'x' });
    await expect(apps.rebuild('shop')).rejects.toThrow('The container name shop.web.1 is already in use');
    expect(model.containers.list()).toHaveLength(1);
  });

  it('has a random host port on all interfaces when it is asked to bind there', async () => {
    await apps.setProperty('shop', 'bind-all-interfaces', ['true']);
    await apps.rebuild('shop');
    const [first] = model.containers.find('shop.web.1').published ?? [];
    expect(first).toEqual({ protocol: 'tcp', port: 5000, address: '0.0.0.0', hostPort: expect.any(Number) });
    await apps.rebuild('shop');
    const [second] = model.containers.find('shop.web.1').published ?? [];
    expect(second?.hostPort).not.toBe(first?.hostPort);
  });

  it('ends with all that it has', async () => {
    await apps.setProcess('shop', 'build', { command: ['make'] });
    await apps.rebuild('shop');
    await apps.destroy('shop');
    expect(model.containers.list()).toEqual([]);
    await expect(apps.report('shop')).rejects.toThrow('App shop does not exist');
    await expect(apps.destroy('shop')).rejects.toThrow('App shop does not exist');
  });
});

describe('an app of two hosts', () => {
  it('is one record, with the names of both', async () => {
    await using global = new SharedStore();
    await using one = await createTestModel({ globalStore: global.store, advertise: '192.0.2.1' });
    await using two = await createTestModel({ globalStore: global.store, advertise: '192.0.2.2' });
    const [here, there] = [one, two].map((model) =>
      createApps({ directory: model.directory, model, dnsTtlSeconds: 0 }),
    );
    await one.networks.create({ name: 'net', driver: 'overlay' });
    await here?.create('shop');
    await here?.setProperty('shop', 'attach-post-deploy', ['net']);
    await here?.rebuild('shop');
    await there?.rebuild('shop');
    const names = await there?.names('shop');
    expect(names).toHaveLength(1);
    expect(names?.[0]).toMatchObject({ name: 'shop.web', network: 'net' });
    expect(names?.[0]?.addresses).toHaveLength(2);
    expect(await here?.names('shop')).toEqual(names);
  });
});

class SharedStore implements AsyncDisposable {
  readonly store = new MemoryStore();
  [Symbol.asyncDispose]() {
    return this.store.close();
  }
}
