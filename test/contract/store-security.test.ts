import assert from 'node:assert/strict';
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Etcd3 } from 'etcd3';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { z } from 'zod';
import { openStore } from '../../kvstore/open.ts';
import { isKind, messageOf } from '../../src/lib/errors.ts';
import { type Certificates, makeCertificates } from '../rig/certificates.ts';
import { startConsul } from '../rig/consul.ts';
import { type EtcdServer, startEtcd } from '../rig/etcd.ts';
import { startEtcdWithLogin } from '../rig/refusers.ts';
import { until } from '../rig/until.ts';
import { startZooKeeper } from '../rig/zookeeper.ts';
import { Follower } from './store/follower.ts';
import { eventually, put, write } from './store/rig.ts';

type Options = Readonly<Record<string, string>>;

interface Secured extends AsyncDisposable {
  readonly url: string;
  readonly options: Options;
}

const secret = 'flt-secret-1f9b';
let certificates: Certificates;
beforeAll(async () => {
  certificates = await makeCertificates();
}, 60_000);
afterAll(() => certificates?.[Symbol.asyncDispose]());

function tlsOptions(): Options {
  const { ca, client } = certificates;
  return { cacertfile: ca, certfile: client.cert, keyfile: client.key };
}

/** TLS with client certificates, and the login where the server has one beside it. */
const servers: Readonly<Record<string, () => Promise<Secured>>> = {
  etcd: async () => {
    const etcd = await startEtcd({ tls: certificates.server });
    return { ...etcd, options: tlsOptions() };
  },
  consul: async () => {
    const consul = await startConsul({ tls: certificates.server, masterToken: secret });
    return { ...consul, options: { ...tlsOptions(), token: secret } };
  },
  zookeeper: async () => {
    const zookeeper = await startZooKeeper({ tls: certificates.server });
    return { ...zookeeper, options: { ...tlsOptions(), user: 'fairlead', password: secret } };
  },
};

describe.concurrent('stores with TLS and a login', () => {
  for (const [provider, start] of Object.entries(servers)) {
    it(`${provider}: works with the right files and secrets, and says what is wrong otherwise`, async () => {
      await using server = await start();
      await works(server.url, server.options);
      const { cacertfile: _, ...withoutCa } = server.options;
      await refuses(server.url, withoutCa);
      await refuses(server.url, { ...server.options, cacertfile: certificates.otherCa });
      await refuses(
        server.url,
        { ...server.options, cacertfile: certificates.ca, keyfile: '', certfile: '' },
        'invalid',
      );
      await refuses(server.url, {});
    }, 120_000);
  }

  it('consul: a wrong token is refused', async () => {
    const token = randomUUID();
    await using consul = await startConsul({ masterToken: token });
    await works(consul.url, { token });
    await refuses(consul.url, { token: secret }, 'unavailable', /permission denied: check the token/);
    await refuses(consul.url, {}, 'unavailable', /permission denied: check the token/);
    await seesNothingAsRefusal(consul.url);
  }, 60_000);

  it('consul: a token with the policy that the docs ask for is enough', async () => {
    await using consul = await startConsul({ masterToken: secret });
    const call = async (path: string, body: unknown) => {
      const headers = { 'x-consul-token': secret };
      const request = { method: 'PUT', headers, body: JSON.stringify(body) };
      // Once there is a leader its ACLs are still being set up for a moment.
      const answer = await until(
        `consul takes ${path}`,
        () => fetch(`http://127.0.0.1:${consul.port}${path}`, request),
        ({ status }) => status === 200,
      );
      return z
        .object({ ID: z.string().optional(), SecretID: z.string().optional() })
        .parse(await answer.json());
    };
    const Rules = 'key_prefix "fairlead/" { policy = "write" } session_prefix "" { policy = "write" }';
    const policy = await call('/v1/acl/policy', { Name: 'fairlead', Rules });
    const { SecretID: token = '' } = await call('/v1/acl/token', { Policies: [{ ID: policy.ID }] });
    await works(consul.url, { token });
    await refuses(`${consul.url}/elsewhere`, { token }, 'unavailable', /permission denied: check the token/);
  }, 60_000);

  it('etcd: user and password, and a wrong password is refused', async () => {
    await using etcd = await startEtcd();
    await enableAuth(`http://127.0.0.1:${etcd.port}`);
    await works(etcd.url, { user: 'root', password: secret });
    await refuses(etcd.url, { user: 'root', password: `${secret}-not` });
    await refuses(etcd.url, {});
    await works(etcd.url, { user: 'fairlead', password: secret });
    await survivesRestart(etcd, { user: 'fairlead', password: secret });
    await refuses(
      `${etcd.url}/elsewhere`,
      { user: 'fairlead', password: secret },
      'unavailable',
      /permission denied/,
    );
  }, 60_000);

  it('etcd: a store that only watches logs in again after a restart', async () => {
    await using etcd = await startEtcdWithLogin();
    await findsBack(etcd, etcd.options);
  }, 60_000);

  it('etcd: the same with JWTs that end meanwhile', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flt-jwt-'));
    const [key, publicKey] = [join(directory, 'key.pem'), join(directory, 'public.pem')];
    const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
    await writeFile(key, pair.privateKey.export({ type: 'pkcs1', format: 'pem' }));
    await writeFile(publicKey, pair.publicKey.export({ type: 'spki', format: 'pem' }));
    try {
      await using etcd = await startEtcdWithLogin({ jwt: { key, publicKey, ttl: '3s' } });
      await findsBack(etcd, etcd.options);
    } finally {
      await rm(directory, { recursive: true });
    }
  }, 60_000);

  it('zookeeper: what one user has written another cannot read', async () => {
    await using zookeeper = await startZooKeeper();
    const url = `${zookeeper.url}/${randomUUID()}`;
    const options = { user: 'fairlead', password: secret };
    await works(url, options);
    await refuses(url, { ...options, password: `${secret}-not` }, 'unavailable', /check user and password/);
    await refuses(url, {}, 'unavailable', /check user and password/);
    await works(url, options);
  }, 60_000);
});

describe('--kv-store-opt', () => {
  it.each<[string, Options, string]>([
    [
      'consul',
      { user: 'x' },
      'unknown --kv-store-opt "user" for consul: use cacertfile, certfile, keyfile, token, tokenfile, namespace',
    ],
    [
      'etcd',
      { token: secret },
      'unknown --kv-store-opt "token" for etcd: use cacertfile, certfile, keyfile, user, password, passwordfile',
    ],
    ['etcd', { user: 'x' }, '--kv-store-opt user and password belong together: give both'],
    ['zk', { 'kv.password': secret }, '--kv-store-opt user and password belong together: give both'],
    [
      'zk',
      { 'kv.cacertfile': '/nonexistent' },
      "--kv-store-opt cacertfile: ENOENT: no such file or directory, open '/nonexistent'",
    ],
  ])('%s %j', async (provider, options, message) => {
    await assert.rejects(openStore(`${provider}:127.0.0.1:1`, options), { kind: 'invalid', message });
  });
});

async function works(url: string, options: Options): Promise<void> {
  const store = await openStore(url, options);
  const follower = new Follower(store, 's/');
  const lease = await store.lease(10);
  await write(store, put('s/a', '1'), put('s/b', '2', { lease }));
  await follower.sees({ 's/a': '1', 's/b': '2' });
  await lease.revoke();
  await follower.sees({ 's/a': '1' });
  assert.ok(!JSON.stringify(store.status()).includes(secret));
  await store.close();
}

/** The server has forgotten who is logged in: calls, leases and watches must log in again. */
async function survivesRestart({ server, url }: EtcdServer, options: Options): Promise<void> {
  const store = await openStore(url, options);
  const follower = new Follower(store, 'r/');
  const lease = await store.lease(10);
  await write(store, put('r/c', '1', { lease }));
  await follower.sees({ 'r/c': '1' });
  await server.stop();
  await server.start();
  const isBack = () =>
    store.commit([], [put('r/d', '1', { lease })]).then(
      ({ ok }) => ok,
      () => false,
    );
  await eventually('writes go on', isBack, 12_000);
  await follower.sees({ 'r/c': '1', 'r/d': '1' }, 12_000);
  const age = performance.now();
  await eventually('the lease outlives its TTL', () => performance.now() - age > 11_000, 15_000);
  assert.equal(lease.lost.aborted, false);
  assert.deepEqual([...follower.state.keys()], ['r/c', 'r/d']);
  await lease.revoke();
  await store.close();
}

/**
 * While the status says that the store is away nobody asks it anything: only its watches can find it again. A login
 * that is no more than 5 s old is not replaced, so it is made older first.
 */
async function findsBack({ server, url }: EtcdServer, options: Options): Promise<void> {
  const store = await openStore(url, options);
  const follower = new Follower(store, 'r/');
  await write(store, put('r/a', '1'));
  await follower.sees({ 'r/a': '1' });
  const since = performance.now();
  await eventually('the login is old', () => performance.now() - since > 5500, 6000);
  await server.stop();
  await eventually('it is away', () => !store.status().reachable);
  await server.start();
  await eventually('it is back', () => store.status().reachable, 5000);
  await write(store, put('r/b', '1'));
  await follower.sees({ 'r/a': '1', 'r/b': '1' });
  await store.close();
}

/** With one line that says why, and no secret in it. */
async function refuses(
  url: string,
  options: Options,
  kind: 'unavailable' | 'invalid' = 'unavailable',
  reason = /./,
) {
  const failure = await attempt(url, options);
  assert.ok(isKind(failure, kind), String(failure));
  const text = messageOf(failure);
  assert.match(text, reason);
  assert.ok(!text.includes('\n') && !text.includes(secret), text);
}

/** Consul leaves out of a list what the token may not see; that must not read as "everything is gone". */
async function seesNothingAsRefusal(url: string): Promise<void> {
  const store = await openStore(url, {});
  await assert.rejects(store.list('s/'), { kind: 'unavailable' });
  const follower = new Follower(store, 's/');
  await eventually('the watch is refused', () => !store.status().reachable);
  assert.deepEqual(follower.events, []);
  await store.close();
}

async function attempt(url: string, options: Options): Promise<unknown> {
  try {
    const store = await openStore(url, options);
    try {
      await store.list('s/');
      await store.commit([], [put('s/a', 'x')]);
    } catch (error) {
      assert.ok(!JSON.stringify(store.status()).includes(secret));
      return error;
    } finally {
      await store.close();
    }
  } catch (error) {
    return error;
  }
  return assert.fail('it was let in');
}

async function enableAuth(host: string): Promise<void> {
  const client = new Etcd3({ hosts: host });
  const user = client.user('root');
  await user.create(secret);
  await user.addRole('root');
  // As the docs ask for: what lies below fairlead/ and nothing else.
  const role = client.role('fairlead');
  await role.create();
  await role.grant({ permission: 'Readwrite', range: client.range({ prefix: 'fairlead/' }) });
  const limited = client.user('fairlead');
  await limited.create(secret);
  await limited.addRole('fairlead');
  await client.auth.authEnable();
  client.close();
}
