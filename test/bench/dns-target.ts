import { createSocket } from 'node:dgram';
import { Packet, UDPServer } from 'dns2';
import { DnsThread } from '../../src/dns/thread/dns-thread.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { FakeNames, makeEndpoint, makeNetwork } from '../unit/dns/fixture.ts';
import { manyAddresses, services } from './dns-servers.ts';

/** A process that the DNS benchmark loads: `dns-target.js WHAT`. Says its port over IPC. */

const address = '127.0.40.1';
const starters: Readonly<Record<string, () => Promise<number>>> = {
  echo: startEcho,
  dns2: startNaive,
  fairlead: startFairlead,
};

const port = await starters[process.argv[2] ?? '']?.();
process.on('disconnect', () => process.exit());
process.send?.({ port });

/** The floor: what Node's dgram costs without any DNS. */
async function startEcho(): Promise<number> {
  const socket = createSocket('udp4');
  socket.on('message', (packet, from) => socket.send(packet, from.port, from.address));
  await new Promise<void>((resolve) => socket.bind(0, address, resolve));
  return socket.address().port;
}

/** dns2 as its README has it, answering one address. */
async function startNaive(): Promise<number> {
  const server = new UDPServer((request, send) => {
    const response = Packet.createResponseFromRequest(request);
    const [question] = request.questions;
    const { name = '' } = question ?? {};
    const record = { name, type: Packet.TYPE.A, class: Packet.CLASS.IN, ttl: 5, address: '127.0.40.2' };
    response.answers.push(Object.assign(new Packet.Resource(), record));
    void send(response);
  });
  await server.listen(0, address);
  return server.address().port;
}

/** The responder as the daemon has it, over names that nobody else knows. */
async function startFairlead(): Promise<number> {
  const names = new FakeNames();
  const network = makeNetwork('net', '127.0.40.0/24');
  const endpoints = services.map(({ name, address: ipv4 }, n) =>
    makeEndpoint(network, { name, aliases: n < manyAddresses ? ['many'] : [], ipv4: `${ipv4}/24` }),
  );
  names.set(network, endpoints);
  const options = { listen: 'none', gatewayPort: 0 };
  const log = { log: silentLogger, logLevel: 'silent', sink: process.stderr } as const;
  const dns = new DnsThread({ options, ...log });
  await dns.start(names);
  await dns.ensureListeners([{ networkId: network.id, address }]);
  return (await dns.status()).listeners[0]?.port ?? 0;
}
