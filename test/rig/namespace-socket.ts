import { spawn } from 'node:child_process';
import { Socket } from 'node:dgram';

/**
 * A UDP socket on the loopback of another network namespace, for this process to use: a socket belongs to the
 * namespace that it was made in, whoever holds it.
 */
export async function udpSocketIn(namespacePath: string): Promise<Socket> {
  const words = [`--net=${namespacePath}`, process.execPath, '-e', maker];
  const child = spawn('nsenter', words, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  return await new Promise((resolve, reject) => {
    child.once('message', (_, handle) => {
      if (handle instanceof Socket) resolve(handle);
      else reject(new Error(`no socket came out of ${namespacePath}`));
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`no socket came out of ${namespacePath}: exit ${code}`)));
  });
}

const maker = `
const socket = require('node:dgram').createSocket('udp4');
socket.bind(0, '127.0.0.1', () => process.send('', socket, () => process.exit()));`;
