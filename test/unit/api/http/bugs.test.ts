import { createServer } from 'node:http';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { answerFor } from '../../../../src/api/http/error-map.ts';
import { Failures } from '../../../../src/api/http/failures.ts';
import { createUpgradeHandler } from '../../../../src/api/http/listeners/upgrade.ts';
import { apiVersion } from '../../../../src/api/http/version.ts';
import { FairleadError } from '../../../../src/lib/errors.ts';
import { createTestApi } from '../../../rig/api.ts';
import { RawClient } from '../../../rig/raw-http.ts';

const entry = z.object({
  level: z.number(),
  msg: z.string(),
  err: z.object({ type: z.string(), message: z.string(), stack: z.string(), kind: z.string().optional() }),
});

function recordingLog() {
  const lines: string[] = [];
  const log = pino({ base: null }, { write: (line) => void lines.push(line) });
  return { log, entries: () => lines.map((line) => entry.parse(JSON.parse(line))) };
}

const plain = "internal error; the daemon's log has the details";

/** The mistake that every program makes. */
function readsUndefined(): never {
  throw new TypeError("Cannot read properties of undefined (reading 'name')");
}

describe('a bug in a handler', () => {
  it('leaves its stack in the log; the client gets a plain 500', async () => {
    const { log, entries } = recordingLog();
    const hooks = {
      admit: async () => true,
      routes: (app: { get(path: string, handler: () => Promise<never>): unknown }) =>
        void app.get('/boom', async () => readsUndefined()),
    };
    await using api = await createTestApi({ log, hooks });
    const { status, text } = await api.call('GET', '/v1.44/boom');
    expect([status, text]).toEqual([500, `${JSON.stringify({ message: plain })}\n`]);
    const [logged, ...more] = entries();
    expect(more).toEqual([]);
    expect(logged?.msg).toBe("GET /v1.44/boom: Cannot read properties of undefined (reading 'name')");
    expect(logged?.err.type).toBe('TypeError');
    expect(logged?.err.stack).toContain('readsUndefined');
  });

  it('does so where the call takes its connection over, before and after the 101', async () => {
    const { log, entries } = recordingLog();
    const routes = [
      { pattern: /^\/before$/, open: async () => readsUndefined() },
      {
        pattern: /^\/after$/,
        open: async () => ({ contentType: 'text/plain', run: async () => readsUndefined() }),
      },
    ];
    const server = createServer();
    server.on(
      'upgrade',
      createUpgradeHandler({ routes, newest: () => apiVersion }, () => ({}), {
        log,
        failures: new Failures(log, () => false),
      }),
    );
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const address = z.object({ port: z.number() }).parse(server.address());
    for (const path of ['/before', '/after']) {
      const client = await RawClient.connect(address.port);
      client.request('POST', path, '', ['Connection: Upgrade', 'Upgrade: tcp']);
      await client.ended;
      expect(client.text).toContain(path === '/before' ? plain : '101 UPGRADED');
      client.destroy();
    }
    // The second has the same message: the log holds it back.
    expect(entries()).toHaveLength(1);
    expect(entries()[0]?.err.stack).toContain('readsUndefined');
    server.close();
  });

  it('is told from an error of the catalogue, whose message and kind stay', async () => {
    const { log, entries } = recordingLog();
    const failures = new Failures(log, () => false);
    const error = new FairleadError('unavailable', 'the Engine is away', {
      cause: new Error('ECONNREFUSED'),
    });
    expect(answerFor(error, 'engine')).toEqual({ status: 503, message: 'the Engine is away' });
    failures.note(503, 'GET /a', error);
    expect(entries()[0]?.err).toMatchObject({ type: 'FairleadError', kind: 'unavailable' });
    expect(entries()[0]?.err.stack).toContain('caused by: Error: ECONNREFUSED');
  });
});
