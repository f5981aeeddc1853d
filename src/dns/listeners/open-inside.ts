import type { Socket } from 'node:dgram';
import type { Server } from 'node:net';
import { startChild } from '../../lib/child.ts';
import type { Transport } from '../wire/answer.ts';

/** Milliseconds; a process of Node's takes a tenth of a second to start. */
const patience = 10_000;

/**
 * A socket in another network namespace. Node cannot enter one, but a socket stays in the namespace that it was made in:
 * a process there makes it, hands it over and ends.
 * @returns what went wrong, if anything did
 */
export function openInside(
  namespace: string,
  transport: Transport,
  { address, port }: { readonly address: string; readonly port: number },
): Promise<Socket | Server | NodeJS.ErrnoException> {
  const words = ['-e', script, transport, address, String(port)];
  const child = startChild(['nsenter', `--net=${namespace}`, process.execPath, ...words], {
    // NODE_EXTRA_CA_CERTS would double the time that it takes.
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    timeout: patience,
    killSignal: 'SIGKILL',
  });
  return new Promise((resolve) => {
    child.once('message', (code, handle) =>
      // Sockets and servers are what it sends; Node types all that could be sent.
      resolve(isListening(handle) ? handle : failure(String(code))),
    );
    child.once('error', (error) => resolve(failure(error.message)));
    child.once('exit', () => resolve(failure(`no process can be started in ${namespace}`)));
  });
}

function isListening(handle: unknown): handle is Socket | Server {
  return typeof handle === 'object' && handle !== null && 'address' in handle;
}

/** Codes are told in words where they are shown (listening-socket.ts). */
function failure(reason: string): NodeJS.ErrnoException {
  return Object.assign(new Error(reason), /^E[A-Z]+$/.test(reason) ? { code: reason } : {});
}

const script = `
const [transport, address, port] = process.argv.slice(1);
const end = (message, handle) => process.send(message, handle, () => process.exit());
const udp = transport === 'udp';
const server = udp ? require('node:dgram').createSocket('udp4') : require('node:net').createServer();
server.on('error', (error) => end(error.code));
const opened = () => end('opened', server);
if (udp) server.bind({ port: Number(port), address, exclusive: true }, opened);
else server.listen({ port: Number(port), host: address, exclusive: true }, opened);
`;
