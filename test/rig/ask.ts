import { askUdp, clientSubnet, makeQuery, readReply } from '../unit/dns-fixture.ts';

export interface Asked {
  readonly rcode: number;
  /** IPv4 addresses, sorted. */
  readonly addresses: readonly string[];
}

/**
 * What a name is to the container with this address: EDNS Client Subnet names the asker on the host's
 * listener. Undefined when no answer came within two seconds.
 */
export async function askAs(asker: string, name: string, port: number): Promise<Asked | undefined> {
  const options = clientSubnet(asker.split('.').map(Number));
  const reply = await askUdp(makeQuery(name, { edns: 1232, options }), { address: '127.0.0.1', port });
  if (!reply) return undefined;
  const { rcode, answers } = readReply(reply);
  const addresses = answers.flatMap((answer) => {
    const [, , type, data] = answer.split(' ');
    return type === 'A' && data !== undefined ? [data] : [];
  });
  return { rcode, addresses: addresses.sort() };
}
