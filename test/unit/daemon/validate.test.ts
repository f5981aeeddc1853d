import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runCli } from '../../rig/cli.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'flt-config-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(text: string): Promise<string> {
  const path = join(folder, 'fairlead.json');
  await writeFile(path, text);
  return path;
}

const daemon = (...words: string[]) => runCli(['daemon', ...words]);

describe('daemon --validate', () => {
  it('says that all is well, and starts nothing', async () => {
    const file = await fileOf('{ "dns-ttl": 9, "kv-store": "consul:localhost:8500" }');
    expect(await daemon('--validate', '--config-file', file, '--log-format', 'json')).toEqual({
      code: 0,
      stdout: 'configuration is valid\n',
      stderr: '',
    });
  });

  it('has a line for each thing that is wrong, of the file and of the flags', async () => {
    const file = await fileOf('{ "kv-stroe": "x", "dns-ttl": -1, "validate": true, "log-format": "xml" }');
    const { code, stdout, stderr } = await daemon('--validate', '--config-file', file, '--dataplane', 'vpp');
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.split('\n').sort()).toEqual([
      '',
      'config file: invalid value for "dns-ttl": -1: expected a whole number from 0 to 86400',
      'config file: invalid value for "log-format": "xml": expected auto, text, json',
      'config file: unknown key "kv-stroe". Did you mean "kv-store"?',
      'config file: unknown key "validate"',
      'invalid argument for "--dataplane" flag: "vpp": expected auto, linux or simulated',
    ]);
  });

  it.each([
    [['--tlscert', '/x'], 'TLS needs --tlscacert, --tlscert and --tlskey together'],
    [
      ['--tlscacert', '/nonexistent', '--tlscert', '/nonexistent', '--tlskey', '/nonexistent'],
      "--tlscacert: ENOENT: no such file or directory, open '/nonexistent'",
    ],
    [
      ['--kv-store', 'consul:h:1', '--kv-store-opt', 'user=x'],
      'unknown --kv-store-opt "user" for consul: use cacertfile, certfile, keyfile, token, tokenfile, namespace',
    ],
    [
      ['-H', 'tcp://192.0.2.1:2375'],
      'refusing to listen on tcp://192.0.2.1:2375 without TLS: expected a loopback address or a unix socket',
    ],
    [
      ['--config-file', '/nonexistent'],
      "config file /nonexistent: ENOENT: no such file or directory, open '/nonexistent'",
    ],
  ])('knows what a start would refuse: %j', async (words, problem) => {
    expect(await daemon('--validate', ...words)).toEqual({ code: 1, stdout: '', stderr: `${problem}\n` });
  });

  it('a start says which key was meant, too', async () => {
    const file = await fileOf('{ "kv-stroe": "x" }');
    expect(await daemon('--config-file', file)).toEqual({
      code: 125,
      stdout: '',
      stderr: `docker: config file: unknown key "kv-stroe". See 'docker daemon --help'.\nDid you mean "kv-store"?\n`,
    });
  });
});
