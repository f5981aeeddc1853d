import { readFile, writeFile } from 'node:fs/promises';
import * as http from 'node:http';
import * as https from 'node:https';
import { join } from 'node:path';
import { freePorts, serverCache, serverDirectory, TestServer } from './server.ts';

export interface ConsulServer extends AsyncDisposable {
  readonly server: TestServer;
  readonly port: number;
  /** For --kv-store. */
  readonly url: string;
}

export interface ConsulSetup {
  /** PEM files: the server then takes HTTPS only, and asks for certificates of this authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Makes ACLs deny what no token allows; this token may do all. */
  readonly masterToken?: string;
  /** Consul's least session TTL; 10 s as it is shipped, 1 s here, so that tests need not wait so long. */
  readonly sessionTtlMin?: string;
}

/** One Consul server with an empty data directory of its own. */
export async function startConsul(setup: ConsulSetup = {}): Promise<ConsulServer> {
  const [port = 0, server = 0, lan = 0] = await freePorts(3);
  const directory = await serverDirectory('consul');
  const { tls, masterToken } = setup;
  const config = {
    server: true,
    bootstrap: true,
    bind_addr: '127.0.0.1',
    data_dir: join(directory, 'data'),
    disable_update_check: true,
    connect: { enabled: false },
    session_ttl_min: setup.sessionTtlMin ?? '1s',
    ports: {
      server,
      serf_lan: lan,
      serf_wan: -1,
      dns: -1,
      grpc: -1,
      ...(tls ? { http: -1, https: port } : { http: port }),
    },
    performance: { raft_multiplier: 1 },
    // The limit per client address is below what a test asks at once.
    limits: { http_max_conns_per_client: 2000 },
    ...(tls && { ca_file: tls.ca, cert_file: tls.cert, key_file: tls.key, verify_incoming: true }),
    ...(masterToken && { acl: { enabled: true, default_policy: 'deny', tokens: { master: masterToken } } }),
  };
  await writeFile(join(directory, 'config.json'), JSON.stringify(config));
  const ready = () => answers(port, setup);
  const command = join(serverCache, 'consul/usr/bin/consul');
  const args = ['agent', `-config-file=${join(directory, 'config.json')}`];
  const process = new TestServer({ command, args, directory, ready });
  await process.start();
  return {
    server: process,
    port,
    url: `consul:127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => process[Symbol.asyncDispose](),
  };
}

/** A read that needs the leader; 404 is the answer for a key that is not there. */
async function answers(port: number, { tls, masterToken }: ConsulSetup): Promise<boolean> {
  const files = tls && {
    ca: await readFile(tls.ca),
    cert: await readFile(tls.cert),
    key: await readFile(tls.key),
  };
  return new Promise((resolve, reject) => {
    const headers = masterToken === undefined ? {} : { 'x-consul-token': masterToken };
    const options = {
      host: '127.0.0.1',
      port,
      path: '/v1/kv/ready?consistent',
      headers,
      timeout: 1000,
      ...files,
    };
    const request = (tls ? https : http).get(options, (response) => {
      response.resume();
      resolve(response.statusCode === 404);
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error('no answer')));
  });
}
