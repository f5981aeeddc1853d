import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../rig/daemon.ts';

const megabyte = 1024 * 1024;

/** What a client sends too much of, or takes too slowly, must not become the daemon's memory. */
describe('clients without measure', () => {
  let daemon: TestDaemon;
  let socketPath: string;

  beforeAll(async () => {
    daemon = await TestDaemon.start({ flags: ['--dataplane', 'simulated', '--dns-listen', 'none'] });
    socketPath = daemon.host.slice('unix://'.length);
    // What the first calls load is no growth.
    for (let n = 0; n < 200; n += 1) await daemon.call('GET', '/networks');
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  async function residentMegabytes(): Promise<number> {
    const status = await readFile(`/proc/${daemon.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1]) / 1024;
  }

  async function open(text: string): Promise<Socket> {
    const socket = connect(socketPath);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('connect', resolve));
    socket.write(text);
    return socket;
  }

  async function expectPrompt(): Promise<void> {
    const began = performance.now();
    expect((await daemon.call('GET', '/_ping')).status).toBe(200);
    expect(performance.now() - began).toBeLessThan(5000);
  }

  it.each([
    ['of a known length', { 'content-length': String(50 * megabyte) }],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
  ])('20 bodies of 50 MB at once, %s', async (_, headers) => {
    const before = await residentMegabytes();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, () => {
        const all = { ...headers, 'content-type': 'application/json' };
        const request = http.request({ socketPath, method: 'POST', path: '/networks/create', headers: all });
        const piece = Buffer.alloc(megabyte, 'a');
        let left = 50;
        const send = () => {
          while (left > 0 && !request.destroyed) {
            left -= 1;
            if (!request.write(piece)) return void request.once('drain', send);
          }
          request.end();
        };
        send();
        return new Promise((resolve) => {
          request.once('response', ({ statusCode }) => resolve(statusCode)).on('error', resolve);
        });
      }),
    );
    expect(statuses).toEqual(Array.from({ length: 20 }, () => 413));
    expect((await residentMegabytes()) - before).toBeLessThan(150);
    await expectPrompt();
  });

  it('20 readers of /events that take nothing, while 24 MB of events happen', async () => {
    const Labels = { l: 'x'.repeat(8000) };
    await daemon.call('POST', '/containers/create?name=source', { Image: 'x', Labels });
    await daemon.call('POST', '/containers/source/start');
    const readers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const reader = await open('GET /events HTTP/1.1\r\nHost: x\r\n\r\n');
        return reader.pause();
      }),
    );
    const before = await residentMegabytes();
    for (let n = 0; n < 3000; n += 1) await daemon.call('POST', '/containers/source/kill?signal=WINCH');
    expect((await residentMegabytes()) - before).toBeLessThan(100);
    await expectPrompt();
    for (const reader of readers) reader.destroy();
  });

  it('200 requests whose headers, or bodies, do not end', async () => {
    const before = await residentMegabytes();
    const halves = await Promise.all(
      Array.from({ length: 200 }, (_, n) =>
        open(
          n % 2 === 0
            ? 'GET /info HTTP/1.1\r\nHost: x\r\nX-A: '
            : 'POST /networks/create HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n{"Na',
        ),
      ),
    );
    // One of them goes on, a byte at a time, as a slow client does; the others are served all the while.
    for (let n = 0; n < 50; n += 1) {
      halves[0]?.write('a');
      await expectPrompt();
    }
    expect((await residentMegabytes()) - before).toBeLessThan(50);
    for (const half of halves) half.destroy();
  });
});
