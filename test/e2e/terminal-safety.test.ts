import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FakeDaemon } from '../rig/cli.ts';
import { cleanEnvironment, runToEnd } from '../rig/daemon.ts';

const bin = join(import.meta.dirname, '../../dist/bin');
const esc = '\u001b';
/** Sets a window's title, clears the screen; C1's CSI; a line break that would make a row of its own. */
const evil = `a${esc}]0;pwned\u0007${esc}[2J\u009b31m\nb`;
const shown = 'a\\u001b]0;pwned\\u0007\\u001b[2J\\u009b31m\\u000ab';
const id = 'f'.repeat(64);

/** A label, a name or an error must not tell a terminal anything; what the user typed, and what JSON is, stays. */
describe('text from outside on a terminal', () => {
  let daemon: FakeDaemon;

  beforeAll(async () => {
    daemon = await FakeDaemon.start();
    const network = { Name: evil, Id: id, Driver: 'bridge', Scope: 'local', Created: '2026-01-01T00:00:00Z' };
    const more = {
      Labels: { l: evil },
      Internal: false,
      EnableIPv6: false,
      IPAM: { Driver: '', Config: [] },
    };
    const event = { Type: 'network', Action: 'create', Actor: { ID: id, Attributes: { name: evil } } };
    daemon
      .on('GET /networks', { json: [{ ...network, ...more }] })
      .on('GET /networks/n', { json: { ...network, ...more } })
      .on('DELETE /networks/n', { status: 500, json: { message: `no ${evil}` } })
      .on('GET /events', { text: `${JSON.stringify({ ...event, time: 1, timeNano: 1e9 })}\n` });
  });
  afterAll(() => daemon[Symbol.asyncDispose]());

  const run = async (...words: readonly string[]) => {
    const env = { ...cleanEnvironment(), FAIRLEAD_HOST: daemon.host };
    const { stdout, stderr } = await runToEnd([process.execPath, join(bin, 'fairlead'), ...words], env);
    // A line feed ends a line; nothing else may be there.
    expect(`${stdout}${stderr}`.replaceAll('\n', '').replaceAll(`${esc}[1m`, '')).not.toMatch(/\p{Cc}/u);
    return stdout + stderr;
  };

  it('is shown in tables, one row each', async () => {
    const lines = (await run('network', 'ls')).trimEnd().split('\n');
    expect(lines.length).toBe(2);
    expect(lines[1]).toContain(shown);
    expect((await run('network', 'ls', '--format', 'table {{.Name}}')).split('\n')[1]?.trim()).toBe(shown);
  });

  it('is shown in templates and errors, of which line breaks stay', async () => {
    const ofLines = shown.replace('\\u000a', '\n');
    expect(await run('network', 'ls', '--format', '{{.Name}}')).toBe(`${ofLines}\n`);
    expect(await run('network', 'inspect', '-f', '{{.Labels.l}}', 'n')).toBe(`${ofLines}\n`);
    expect(await run('network', 'rm', 'n')).toBe(`Error response from daemon: no ${ofLines}\n`);
  });

  it('is shown in events, one line each', async () => {
    expect(await run('events')).toBe(`1970-01-01T00:00:01.000000000Z network create ${id} (name=${shown})\n`);
    expect(JSON.parse(await run('events', '--format', 'json'))).toMatchObject({
      Actor: { Attributes: { name: evil } },
    });
  });

  it('is the same text in JSON', async () => {
    expect(JSON.parse(await run('network', 'inspect', 'n'))).toMatchObject([{ Name: evil }]);
    expect(JSON.parse(await run('network', 'ls', '--format', 'json'))).toMatchObject({ Name: evil });
  });

  it('leaves the colours that the user typed', async () => {
    expect(await run('network', 'ls', '--format', `${esc}[1m{{.ID}}`)).toBe(`${esc}[1m${id.slice(0, 12)}\n`);
  });
});
