import { readdir, readFile, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts, serverDirectory, TestServer } from './server.ts';

export interface ZooKeeperServer extends AsyncDisposable {
  readonly server: TestServer;
  readonly port: number;
  /** For --kv-store. */
  readonly url: string;
}

export interface ZooKeeperSetup {
  /** PEM files: `port` then takes TLS only, and asks for certificates of this authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
}

const jars = '/usr/share/java';
/** Of all that libzookeeper-java brings, what a server without its web console needs. */
const needed =
  /^(zookeeper|zookeeper-jute|slf4j-api|slf4j-simple|metrics-core|snappy-java|netty-[a-z-]+)\.jar$/;

/** One ZooKeeper with an empty data directory of its own, and the tick of 2 s that it is shipped with. */
export async function startZooKeeper({ tls }: ZooKeeperSetup = {}): Promise<ZooKeeperServer> {
  const [port = 0, plainPort = 0] = await freePorts(2);
  const directory = await serverDirectory('zookeeper');
  const config = [
    'tickTime=2000',
    `dataDir=${join(directory, 'data')}`,
    'clientPortAddress=127.0.0.1',
    `clientPort=${tls ? plainPort : port}`,
    'maxClientCnxns=0',
    'admin.enableServer=false',
    '4lw.commands.whitelist=srvr',
    ...(tls ? await tlsConfig(directory, port, tls) : []),
  ];
  await writeFile(join(directory, 'zoo.cfg'), config.join('\n'));
  const classpath = (await readdir(jars)).filter((name) => needed.test(name)).map((name) => join(jars, name));
  const args = [
    '-Xmx256m',
    '-Dzookeeper.jmx.log4j.disable=true',
    '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
    '-cp',
    classpath.join(':'),
    'org.apache.zookeeper.server.quorum.QuorumPeerMain',
    join(directory, 'zoo.cfg'),
  ];
  const ready = async () => (await serves(tls ? plainPort : port)) && (await takes(port));
  const server = new TestServer({ command: 'java', args, directory, ready });
  await server.start();
  return {
    server,
    port,
    url: `zookeeper:127.0.0.1:${port}`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The four-letter command `srvr` tells the mode once requests are served. */
function serves(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write('srvr'));
    socket.once('data', (data) => {
      socket.destroy();
      resolve(String(data).includes('Mode: '));
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(false));
  });
}

/** It begins to listen for TLS after it serves without. */
function takes(port: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port }, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', reject);
  });
}

/** A PEM key store has key and certificate in one file. */
async function tlsConfig(directory: string, port: number, tls: NonNullable<ZooKeeperSetup['tls']>) {
  const keyStore = join(directory, 'server.pem');
  await writeFile(keyStore, `${await readFile(tls.key, 'utf8')}\n${await readFile(tls.cert, 'utf8')}`);
  return [
    'secureClientPortAddress=127.0.0.1',
    `secureClientPort=${port}`,
    'serverCnxnFactory=org.apache.zookeeper.server.NettyServerCnxnFactory',
    `ssl.keyStore.location=${keyStore}`,
    `ssl.trustStore.location=${tls.ca}`,
    'ssl.clientAuth=need',
  ];
}
