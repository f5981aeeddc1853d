import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';

/** What the CLI cannot send, and what it relies on. */
describe('/apps', () => {
  let api: Awaited<ReturnType<typeof createTestApi>>;
  beforeEach(async () => {
    api = await createTestApi();
    expect((await api.call('POST', '/apps', { name: 'shop' })).status).toBe(201);
  });
  afterEach(() => api[Symbol.asyncDispose]());

  const refused = async (path: string, body: unknown) => {
    const { status, json } = await api.call('POST', path, body);
    return [status, json()];
  };

  it.each([
    ['/apps', {}],
    ['/apps', { name: 5 }],
    ['/apps', '{"name":'],
    ['/apps/shop/scale', { scale: { web: 'many' } }],
    ['/apps/shop/scale', { scale: { web: -1 } }],
    ['/apps/shop/scale', { scale: { web: 0.5 } }],
    ['/apps/shop/scale', { scale: { web: 1e9 } }],
    ['/apps/shop/scale', { scale: { 'a.b': 1 } }],
    ['/apps/shop/scale', { scale: { run: 1 } }],
    ['/apps/shop/processes', { type: 'web', ports: [0] }],
    ['/apps/shop/processes', { type: 'web', env: ['=x'] }],
    ['/apps/shop/processes', { type: '__proto__', image: 'x' }],
    ['/apps/shop/network', { property: 'tld' }],
    ['/apps/shop/network', { property: '__proto__', values: ['a'] }],
    ['/apps/shop/run', { command: [] }],
  ])('refuses %s %j', async (path, body) => {
    expect(await refused(path, body)).toEqual([400, { message: expect.stringMatching(/^[^\n]+$/) }]);
  });

  it('answers 404 and 409 where there is none, and where there is one', async () => {
    expect(await refused('/apps/absent/rebuild', undefined)).toEqual([
      404,
      { message: 'App absent does not exist' },
    ]);
    expect(await refused('/apps', { name: 'shop' })).toEqual([409, { message: 'Name is already taken' }]);
  });

  it('deploys a process of any name', async () => {
    await api.call('POST', '/apps/shop/scale', { scale: { web: 1, constructor: 1 } });
    expect((await api.call('POST', '/apps/shop/rebuild')).json()).toEqual({
      steps: [
        { level: 'step', text: 'Deploying constructor.1' },
        { level: 'step', text: 'Deploying web.1' },
      ],
    });
    expect((await api.call('GET', '/apps/shop')).json()).toMatchObject({
      name: 'shop',
      scale: { web: 1, constructor: 1 },
      containers: [
        { process: 'constructor', name: 'shop.constructor.1', status: 'running' },
        { process: 'web', name: 'shop.web.1', status: 'running' },
      ],
    });
    expect((await api.call('DELETE', '/apps/shop')).status).toBe(204);
    expect((await api.call('GET', '/apps')).json()).toEqual([]);
  });
});
