import { createSocket } from 'node:dgram';
import { Packet, UDPServer } from 'dns2';
import { createDns } from '../../src/dns/dns.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { FakeNames, makeEndpoint, makeNetwork } from '../unit/dns-fixture.ts';

/**
 * A process that the DNS benchmark loads: `dns-target.js WHAT`. Says its port over IPC, and on each
 * message from the parent what CPU it has used so far.
 */

const address = '127.0.40.1';
const starters: Readonly<Record<string, () => Promise<number>>> = {
  echo: startEcho,
  dns2: startNaive,
  fairlead: () => startFairlead(1),
  'fairlead-10k': () => startFairlead(100),
};

/** Counts the uses of dns2's codec, to show that own names are answered without it. */
const codec = { decoded: 0, encoded: 0 };
const { parse } = Packet;
const { toBuffer } = Packet.prototype;
Packet.parse = (buffer) => {
  codec.decoded++;
  return parse(buffer);
};
Packet.prototype.toBuffer = function counted(this: Packet): Buffer {
  codec.encoded++;
  return toBuffer.call(this);
};

const port = await starters[process.argv[2] ?? '']?.();
process.on('message', () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system, rss: process.memoryUsage.rss(), ...codec });
});
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

/** A hundred services on each network; the asker is on the first. */
async function startFairlead(networks: number): Promise<number> {
  const names = new FakeNames();
  const all = Array.from({ length: networks }, (_, n) => makeNetwork(`net${n}`, `127.0.${40 + n}.0/24`));
  all.forEach((network, n) => {
    const services = Array.from({ length: 100 }, (_, s) =>
      makeEndpoint(network, {
        name: `service-${s}`,
        aliases: s < 28 ? ['many'] : [],
        ipv4: `127.0.${40 + n}.${s + 2}/24`,
      }),
    );
    names.set(network, services);
  });
  const dns = createDns({ directory: names, log: silentLogger, options: { listen: 'none', gatewayPort: 0 } });
  await dns.ensureListeners(all.slice(0, 1).map(({ id }) => ({ networkId: id, address })));
  return dns.status().listeners[0]?.port ?? 0;
}
