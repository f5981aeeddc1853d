// Starts and closes `fairlead/testing` so many times in one process, and prints what is left of it, as JSON.
// Arguments: dist/testing.mjs, how often. Its TMPDIR is to be its own, and Node's flag --expose-gc given.
import { readdirSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';

const [, , file, times] = process.argv;
const { startFairlead } = await import(file);
// By then V8 has compiled what it will; it goes on to do so, a little.
const warmUp = 300;

/** On a connection of its own, which ends with it. */
function call(port, method, path, body = '') {
  return new Promise((resolve, reject) => {
    const headers = body === '' ? {} : { 'content-type': 'application/json' };
    const sent = request({ host: '127.0.0.1', port, method, path, agent: false, headers }, (response) => {
      response.resume().once('close', () => resolve(response.statusCode));
    });
    sent.once('error', reject).end(body);
  });
}

/** One in ten does some work, in all of what can be had. */
async function live(i) {
  const busy = i % 10 === 0;
  const begun = performance.now();
  const f = await startFairlead(busy ? { port: 0, dns: true, nodes: 2 } : {});
  const took = performance.now() - begun;
  if (busy) {
    await call(f.port, 'POST', '/networks/create', '{"Name":"foo"}');
    await call(
      f.port,
      'POST',
      '/containers/create?name=web',
      '{"Image":"x","HostConfig":{"NetworkMode":"foo"}}',
    );
    await call(f.port, 'POST', '/containers/web/start');
    f.container('web').log('hello\n');
    await f.clock.advance('10s');
  }
  await f.close();
  return took;
}

async function state() {
  for (let i = 0; i < 5; i += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    global.gc();
  }
  return {
    heap: process.memoryUsage().heapUsed,
    descriptors: readdirSync('/proc/self/fd').length,
    resources: process
      .getActiveResourcesInfo()
      .filter((name) => name !== 'Timeout' && !name.startsWith('FSReq')),
    listeners: process.eventNames().reduce((sum, name) => sum + process.listenerCount(name), 0),
  };
}

const took = [];
for (let i = 0; i < warmUp; i += 1) await live(i);
const before = await state();
for (let i = warmUp; i < Number(times); i += 1) took.push(await live(i));
const after = await state();
took.sort((a, b) => a - b);
const folders = readdirSync(tmpdir());
process.stdout.write(JSON.stringify({ medianMs: took[took.length >> 1], before, after, folders }));
