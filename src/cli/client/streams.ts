import type { Duplex, Readable, Writable } from 'node:stream';
import type { Client, Query } from './client.ts';
import { toFailure } from './failures.ts';

/** Anything that carries a container's output. */
export type OutputStream = NodeJS.ReadableStream | Duplex;

/** A GET whose body is read as it comes. @throws Failure | DaemonError */
export async function openStream(client: Client, path: string, query: Query): Promise<Readable> {
  const { docker, endpoint } = await client.open();
  return new Promise((resolve, reject) => {
    docker.modem.dial(
      {
        method: 'GET',
        path: `${path}?`,
        options: { _query: query },
        isStream: true,
        statusCodes: { 200: true },
      },
      (error: unknown, stream: unknown) => {
        if (error) reject(toFailure(error, endpoint));
        else if (isReadable(stream)) resolve(stream);
        else reject(new Error(`no stream from ${path}`));
      },
    );
  });
}

function isReadable(value: unknown): value is Readable {
  return typeof value === 'object' && value !== null && 'pipe' in value;
}

/**
 * Copies a container's output until it ends: as it is from a terminal, otherwise by the Engine's frames
 * (8 bytes header: stream, three zeros, length).
 */
export async function copyOutput(
  stream: OutputStream,
  tty: boolean,
  stdout: Writable,
  stderr: Writable,
): Promise<void> {
  let waiting: Buffer = Buffer.alloc(0);
  for await (const chunk of stream) {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk);
    if (tty) await write(stdout, bytes);
    else waiting = await writeFrames(Buffer.concat([waiting, bytes]), stdout, stderr);
  }
}

const headerLength = 8;

/** @returns the bytes of a frame that is not complete yet */
async function writeFrames(bytes: Buffer, stdout: Writable, stderr: Writable): Promise<Buffer> {
  let rest = bytes;
  while (rest.length >= headerLength) {
    const end = headerLength + rest.readUInt32BE(4);
    if (rest.length < end) break;
    await write(rest[0] === 2 ? stderr : stdout, rest.subarray(headerLength, end));
    rest = rest.subarray(end);
  }
  return rest;
}

/** Waits for a slow reader, so that a fast container costs no memory here. */
function write(target: Writable, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    target.write(bytes, (error) => (error ? reject(error) : resolve()));
  });
}
