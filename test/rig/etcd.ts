import { join } from 'node:path';
import { freePorts, serverCache, serverDirectory, TestServer } from './server.ts';

export interface EtcdServer extends AsyncDisposable {
  readonly server: TestServer;
  readonly port: number;
  /** For --kv-store. */
  readonly url: string;
}

export interface EtcdSetup {
  /** PEM files: the server then takes TLS only, and asks for certificates of this authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** Makes tokens of logins JWTs that are good for `ttl`, as etcd writes it, signed with the PEM files. */
  readonly jwt?: { readonly key: string; readonly publicKey: string; readonly ttl: string };
}

/** One etcd with an empty data directory of its own. */
export async function startEtcd(setup: EtcdSetup = {}): Promise<EtcdServer> {
  const [port = 0, peerPort = 0, metricsPort = 0] = await freePorts(3);
  const directory = await serverDirectory('etcd');
  const scheme = setup.tls ? 'https' : 'http';
  const client = `${scheme}://127.0.0.1:${port}`;
  const peer = `http://127.0.0.1:${peerPort}`;
  const metrics = `http://127.0.0.1:${metricsPort}`;
  const args = [
    `--data-dir=${join(directory, 'data')}`,
    `--listen-client-urls=${client}`,
    `--advertise-client-urls=${client}`,
    `--listen-peer-urls=${peer}`,
    `--initial-advertise-peer-urls=${peer}`,
    `--initial-cluster=default=${peer}`,
    `--listen-metrics-urls=${metrics}`,
    ...tlsArgs(setup),
    ...jwtArgs(setup),
  ];
  const ready = async () => {
    const answer = await fetch(`${metrics}/health`);
    return answer.ok && (await answer.text()).includes('"true"');
  };
  const command = join(serverCache, 'etcd-server/usr/bin/etcd');
  const server = new TestServer({ command, args, directory, ready });
  await server.start();
  return {
    server,
    port,
    url: `etcd:127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

function jwtArgs({ jwt }: EtcdSetup): string[] {
  if (!jwt) return [];
  return [`--auth-token=jwt,pub-key=${jwt.publicKey},priv-key=${jwt.key},sign-method=RS256,ttl=${jwt.ttl}`];
}

function tlsArgs({ tls }: EtcdSetup): string[] {
  if (!tls) return [];
  return [
    `--cert-file=${tls.cert}`,
    `--key-file=${tls.key}`,
    `--trusted-ca-file=${tls.ca}`,
    '--client-cert-auth',
  ];
}
