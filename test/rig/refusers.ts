import { Etcd3 } from 'etcd3';
import { z } from 'zod';
import { newSession, ZooKeeperConnection } from '../../kvstore/zookeeper/connection.ts';
import { WireWriter } from '../../kvstore/zookeeper/wire.ts';
import { startConsul } from './consul.ts';
import { type EtcdSetup, startEtcd } from './etcd.ts';
import { until } from './until.ts';
import { startZooKeeper } from './zookeeper.ts';

/** A real server that can be made to refuse writes and to take them again, while it answers reads. */
export interface Refuser extends AsyncDisposable {
  /** For --kv-store. */
  readonly url: string;
  /** For --kv-store-opt. */
  readonly options: Readonly<Record<string, string>>;
  refuse(): Promise<void>;
  allow(): Promise<void>;
}

export interface RefuserKind {
  readonly name: string;
  readonly reason: 'full' | 'unauthorised';
  /** What the user is told. */
  readonly text: RegExp;
  readonly start: () => Promise<Refuser>;
}

export const password = 'flt-secret-1f9b';

export const refuserKinds: readonly RefuserKind[] = [
  { name: 'etcd without space', reason: 'full', text: /database space exceeded: compact/, start: fullEtcd },
  {
    name: 'etcd, role may only read',
    reason: 'unauthorised',
    text: /permission denied: check user/,
    start: readOnlyEtcd,
  },
  {
    name: 'consul, policy is read',
    reason: 'unauthorised',
    text: /permission denied: check the token/,
    start: readOnlyConsul,
  },
  {
    name: 'zookeeper, ACL is read',
    reason: 'unauthorised',
    text: /not authorized: check user/,
    start: readOnlyZooKeeper,
  },
];

async function fullEtcd(): Promise<Refuser> {
  const etcd = await startEtcd();
  const client = new Etcd3({ hosts: `http://127.0.0.1:${etcd.port}` });
  const alarm = async (action: 'Activate' | 'Deactivate') => {
    const { header } = await client.maintenance.status();
    await client.maintenance.alarm({ action, memberID: header.member_id, alarm: 'Nospace' });
  };
  return {
    url: etcd.url,
    options: {},
    refuse: () => alarm('Activate'),
    allow: () => alarm('Deactivate'),
    async [Symbol.asyncDispose]() {
      client.close();
      await etcd[Symbol.asyncDispose]();
    },
  };
}

async function readOnlyEtcd(): Promise<Refuser> {
  const etcd = await startEtcd();
  const client = await enableEtcdLogin(etcd.port);
  const role = client.role('fairlead');
  const range = client.range({ prefix: 'fairlead/' });
  // Takes the place of what the role had there.
  const grant = async (permission: 'Read' | 'Readwrite') => {
    await role.grant({ permission, range });
  };
  return {
    url: etcd.url,
    options: { user: 'fairlead', password },
    refuse: () => grant('Read'),
    allow: () => grant('Readwrite'),
    async [Symbol.asyncDispose]() {
      client.close();
      await etcd[Symbol.asyncDispose]();
    },
  };
}

/** One whose user `fairlead` may do what the docs ask for. */
export async function startEtcdWithLogin(setup: EtcdSetup = {}) {
  const etcd = await startEtcd(setup);
  (await enableEtcdLogin(etcd.port)).close();
  return { ...etcd, options: { user: 'fairlead', password } };
}

/** @returns a client that may do all */
async function enableEtcdLogin(port: number): Promise<Etcd3> {
  const hosts = `http://127.0.0.1:${port}`;
  const client = new Etcd3({ hosts });
  for (const name of ['root', 'fairlead']) {
    const role = client.role(name);
    if (name !== 'root') {
      await role.create();
      await role.grant({ permission: 'Readwrite', range: client.range({ prefix: 'fairlead/' }) });
    }
    const user = client.user(name);
    await user.create(password);
    await user.addRole(name);
  }
  await client.auth.authEnable();
  client.close();
  return new Etcd3({ hosts, auth: { username: 'root', password } });
}

async function readOnlyConsul(): Promise<Refuser> {
  const consul = await startConsul({ masterToken: password });
  const call = async (path: string, body: unknown) => {
    const request = { method: 'PUT', headers: { 'x-consul-token': password }, body: JSON.stringify(body) };
    // Once there is a leader its ACLs are still being set up for a moment.
    const answer = await until(
      `consul takes ${path}`,
      () => fetch(`http://127.0.0.1:${consul.port}${path}`, request),
      ({ status }) => status === 200,
    );
    return made.parse(await answer.json());
  };
  const Name = 'fairlead';
  const rules = (key: 'read' | 'write') =>
    `key_prefix "fairlead/" { policy = "${key}" } session_prefix "" { policy = "write" }`;
  const { ID = '' } = await call('/v1/acl/policy', { Name, Rules: rules('write') });
  const { SecretID: token = '' } = await call('/v1/acl/token', { Policies: [{ ID }] });
  const set = async (key: 'read' | 'write') => {
    await call(`/v1/acl/policy/${ID}`, { ID, Name, Rules: rules(key) });
  };
  return {
    url: consul.url,
    options: { token },
    refuse: () => set('read'),
    allow: () => set('write'),
    [Symbol.asyncDispose]: () => consul[Symbol.asyncDispose](),
  };
}

const made = z.object({ ID: z.string().optional(), SecretID: z.string().optional() });

/** Every commit writes the node that counts them. */
async function readOnlyZooKeeper(): Promise<Refuser> {
  const zookeeper = await startZooKeeper();
  const [setAcl, mayRead, mayAdminister, all] = [7, 1, 16, 31];
  const set = async (permissions: number) => {
    const server = { host: '127.0.0.1', port: zookeeper.port, secure: false };
    const options = { tls: undefined, token: undefined, namespace: undefined, login: undefined };
    const connection = await ZooKeeperConnection.open(server, options, {
      ...newSession,
      timeout: 10_000,
      lastZxid: 0n,
    });
    const body = new WireWriter()
      .text('/fairlead/commits')
      .int(1)
      .int(permissions)
      .text('world')
      .text('anyone');
    await connection.ask(setAcl, body.int(-1));
    connection.end(new Error('done'));
  };
  return {
    url: zookeeper.url,
    options: {},
    refuse: () => set(mayRead + mayAdminister),
    allow: () => set(all),
    [Symbol.asyncDispose]: () => zookeeper[Symbol.asyncDispose](),
  };
}
