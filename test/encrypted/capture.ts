import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFile, rm } from 'node:fs/promises';
import type { TestHost } from '../rig/namespace.ts';

/** What has gone over a host's wire, both ways. */
export interface Seen {
  readonly esp: number;
  /** Datagrams in the clear to UDP ports. */
  readonly udp: (port: number) => number;
  /** Bytes of the longest frame. */
  readonly longest: number;
  readonly contains: (text: string) => boolean;
}

/** tcpdump on a host's `up0`: what is encrypted has been on its way out, and is not decrypted yet on its way in. */
export class Capture {
  private constructor(
    private readonly process: ChildProcess,
    private readonly file: string,
  ) {}

  /** Resolves when it listens. */
  static async start(host: TestHost): Promise<Capture> {
    const file = `/tmp/capture-${randomUUID()}`;
    const words = [
      'tcpdump',
      '-Z',
      'root',
      '-n',
      '-U',
      '--immediate-mode',
      '-i',
      'up0',
      '-w',
      file,
      'not',
      'tcp',
    ];
    const child = spawn('nsenter', [`--net=${host.path}`, ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk;
        if (said.includes('listening on')) resolve();
      });
      child.once('exit', () => reject(new Error(`tcpdump ended: ${said}`)));
    });
    return new Capture(child, file);
  }

  async stop(): Promise<Seen> {
    const ended = new Promise((resolve) => this.process.once('exit', resolve));
    this.process.kill('SIGINT');
    await ended;
    const bytes = await readFile(this.file);
    await rm(this.file);
    return seenIn(bytes);
  }
}

function seenIn(bytes: Buffer): Seen {
  const frames = framesOf(bytes);
  const packets = frames.map(ipPacket);
  const ports = packets.flatMap(({ protocol, payload }) =>
    protocol === 17 ? [payload.readUInt16BE(2)] : [],
  );
  return {
    esp: packets.filter(({ protocol }) => protocol === 50).length,
    udp: (port) => ports.filter((other) => other === port).length,
    longest: Math.max(0, ...frames.map(({ length }) => length)),
    contains: (text) => bytes.includes(text),
  };
}

/** A header of 24 bytes, then each frame after one of 16 with its length (pcap-savefile(5)). */
function framesOf(bytes: Buffer): readonly Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 24; at + 16 <= bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8);
    frames.push(bytes.subarray(at + 16, at + 16 + length));
    at += 16 + length;
  }
  return frames;
}

/** Protocol -1: it is neither IPv4 nor IPv6. */
function ipPacket(frame: Buffer): { readonly protocol: number; readonly payload: Buffer } {
  const [type, packet] = [frame.readUInt16BE(12), frame.subarray(14)];
  if (type === 0x0800) {
    return { protocol: packet.readUInt8(9), payload: packet.subarray((packet.readUInt8(0) & 15) * 4) };
  }
  return type === 0x86dd
    ? { protocol: packet.readUInt8(6), payload: packet.subarray(40) }
    : { protocol: -1, payload: packet };
}
