import { Etcd3 } from 'etcd3';

/**
 * What a daemon's start within its lease asks of etcd, by a program that does nothing else: `bare-start.js HOST PREFIX`.
 * It lists and watches the common folders, and the endpoints of every network.
 */

const [host = '', prefix = ''] = process.argv.slice(2);
// The list of services is larger than what gRPC takes by default.
const grpcOptions = { 'grpc.max_receive_message_length': -1 };
const client = new Etcd3({ hosts: [host], grpcOptions });

async function follow(folder: string): Promise<readonly string[]> {
  const { kvs } = await client
    .getAll()
    .prefix(prefix + folder)
    .exec();
  await client
    .watch()
    .prefix(prefix + folder)
    .create();
  return kvs.map(({ key }) => key.toString().slice(prefix.length + folder.length));
}

const [networks = []] = await Promise.all(['networks/', 'services/', 'nodes/', 'apps/'].map(follow));
await Promise.all(networks.map((networkId) => follow(`endpoints/${networkId}/`)));
process.exit(0);
