import { Etcd3 } from 'etcd3';

/**
 * What a daemon's start asks of etcd, by a program that does nothing else: `bare-start.js HOST PREFIX`. It lists and
 * watches the common folders, lists and watches the endpoints of every network, and commits once for each.
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

async function takePart(networkId: string): Promise<void> {
  await follow(`endpoints/${networkId}/`);
  const put = client.put(`bare/${networkId}`).value('x');
  await client.if('bare', 'Version', '==', 0).then(put).commit();
}

const [networks = []] = await Promise.all(['networks/', 'services/', 'nodes/', 'apps/'].map(follow));
await Promise.all(networks.map(takePart));
process.exit(0);
