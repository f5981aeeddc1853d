import { readFileSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runToEnd, TestDaemon } from '../rig/daemon.ts';
import { TestHost } from '../rig/namespace.ts';

const bin = fileURLToPath(new URL('../../dist/bin', import.meta.url));

interface Example {
  readonly command: string;
  /** What the page prints below it; empty where it prints nothing. */
  readonly printed: readonly string[];
}

/** The page's examples, in its order. */
function examplesOf(page: string): readonly Example[] {
  const lines = page.split('\n');
  const isCommand = (line: string) => /^(dokku|docker) /.test(line);
  return lines.flatMap((command, at) => {
    if (!isCommand(command)) return [];
    const rest = lines.slice(at + 1);
    const end = rest.findIndex((line) => line === '' || line.startsWith('#') || isCommand(line));
    return [{ command, printed: rest.slice(0, end) }];
  });
}

const examples = examplesOf(readFileSync(new URL('dokku-page.txt', import.meta.url), 'utf8'));
const server = `require("http").createServer((_, answer) => answer.end("here")).listen(process.env.PORT)`;
const address = /\b172\.\d+\.\d+\.\d+\b/g;

/** Of other plugins of Dokku's: they go to the dokku that comes next on the PATH. */
const elsewhere = /^dokku (builder|config|proxy|domains):/;

/** What the page takes for granted before an example, by the example's number. */
const given: Readonly<Record<number, readonly string[]>> = {
  0: ['dokku network:create test-network'],
  2: ['dokku --force network:destroy test-network'],
  4: ['dokku network:create test-network'],
  6: ['dokku network:create test-network'],
  14: ['dokku --force apps:destroy local-app', 'dokku apps:create node-js-app'],
  30: [
    `dokku ps:set node-js-app web --env "SERVER=$SERVER" -- /bin/bash -c 'exec ${process.execPath} -e "$SERVER"'`,
    'dokku ps:rebuild node-js-app',
  ],
  34: ['dokku network:set node-js-app bind-all-interfaces', 'dokku ps:rebuild node-js-app'],
  37: ['dokku ps:rebuild node-js-app'],
  40: [
    'dokku apps:create python-sample',
    'dokku apps:create ruby-sample',
    `dokku ps:set python-sample web --env "SERVER=$SERVER" -- /bin/bash -c 'exec ${process.execPath} -e "$SERVER"'`,
    'dokku network:set node-js-app bind-all-interfaces',
    'dokku ps:rebuild node-js-app',
    'dokku ps:rebuild python-sample',
  ],
};

/** The page was written by hand: its spaces are not the program's, and it is older than one of the flags. */
function asReported(printed: readonly string[]): readonly string[] {
  return printed.flatMap((line) => {
    const [, name, value = ''] = /^ {7}(Network .*?):\s*(.*)$/.exec(line) ?? [];
    if (name === undefined) return [line];
    const row = (flag: string, text: string) => `       ${`${flag}:`.padEnd(38)}${text}`;
    return name === 'Network tld'
      ? [row('Network static web listener', ''), row(name, value)]
      : [row(name, value)];
  });
}

describe.each(['simulated', 'linux'] as const)("Dokku's network page, data plane %s", (dataplane) => {
  let host: TestHost | undefined;
  let daemon: TestDaemon;
  let real: string;

  beforeAll(async () => {
    if (dataplane === 'linux') host = await TestHost.create();
    const flags = ['--dns-listen', 'none', '--dataplane', dataplane, '--dns-ttl', '0'];
    daemon = await TestDaemon.start({ flags, ...(host ? { namespace: host.path } : {}) });
    real = await mkdtemp(join(tmpdir(), 'fairlead-dokku-'));
    await writeFile(join(real, 'dokku'), '#!/bin/sh\necho "Dokku itself: $*"\n');
    await chmod(join(real, 'dokku'), 0o755);
  });
  afterAll(async () => {
    await daemon[Symbol.asyncDispose]();
    await host?.[Symbol.asyncDispose]();
    await rm(real, { recursive: true, force: true });
  });

  /** As typed in a shell that has dist/bin first on its PATH. */
  const type = (line: string, input = '') =>
    runToEnd(
      ['sh', '-c', line],
      {
        ...process.env,
        PATH: [bin, dirname(process.execPath), real, process.env.PATH].join(delimiter),
        FAIRLEAD_HOST: daemon.host,
        NODE_EXTRA_CA_CERTS: '',
        SERVER: server,
      },
      input,
    );
  const printedBy = async (line: string, input = '') => {
    const { code, stdout, stderr } = await type(line, input);
    expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: '' });
    return stdout;
  };
  const text = (lines: readonly string[]) => lines.map((line) => `${line}\n`).join('');
  const reported = async (app: string): Promise<unknown> =>
    JSON.parse((await daemon.call('GET', `/apps/${app}/network`)).text);

  it('has 43 examples', () => {
    expect(examples).toHaveLength(43);
  });

  const prints: Readonly<Record<number, (example: Example) => Promise<void>>> = {
    // The page asks for another name than was typed.
    3: async ({ command, printed }) => {
      const lines = printed.map((line) => line.replaceAll(/\btest\b/g, 'test-network'));
      expect(await type(command, 'test-network\n')).toEqual({
        code: 0,
        stderr: `${text(lines.slice(0, 3))}> `,
        stdout: text(lines.slice(4)),
      });
    },
    4: async ({ command, printed }) =>
      expect(await printedBy(command)).toBe(text(printed).replace('test', 'test-network')),
    // What failed is on stderr, marked, since Dokku 0.20.
    5: async ({ command, printed }) =>
      expect(await type(command)).toEqual({ code: 1, stdout: '', stderr: ` !     ${text(printed)}` }),
    // The page has nothing to show yet; today's Dokku prints this.
    6: async ({ command }) =>
      expect(await printedBy(command)).toMatch(
        /^=====> test-network network information\n {7}ID: {13}[0-9a-f]{12}\n {7}Name: {11}test-network\n {7}Driver: {9}bridge\n {7}Scope: {10}local\n {7}Dokku managed: {2}true\n$/,
      ),
    7: async ({ command }) => expect(await printedBy(command)).toBe('-----> Creating local-app...\n'),
    30: async ({ command }) =>
      expect(await printedBy(command)).toBe(
        '-----> Ensuring network configuration is in sync for node-js-app\n',
      ),
    31: async ({ command }) =>
      expect(await printedBy(command)).toBe(
        '-----> Ensuring network configuration is in sync for node-js-app\n',
      ),
    // Its image says that it listens on 5000; the page's does not.
    34: async (example) => void (await psRow(example, '5000/tcp')),
    35: async ({ command, printed }) =>
      expect((await printedBy(command)).replace(address, printed[0] ?? '')).toBe(text(printed)),
    37: async (example) => {
      const port = await psRow(example, '0\\.0\\.0\\.0:(\\d{5})->5000/tcp');
      if (host)
        expect((await daemon.inHost('curl', '-sS', '-m', '5', `http://127.0.0.1:${port}/`)).stdout).toBe(
          'here',
        );
    },
    40: reports,
    41: reports,
    42: async ({ command }) => expect(await printedBy(command)).toBe('false\n'),
  };

  /** @returns the host's port, if there is one to be had */
  async function psRow(
    { command, printed: [head = ''] }: Example,
    ports: string,
  ): Promise<string | undefined> {
    const [titles = '', row, ...others] = (await printedBy(command)).split('\n');
    expect(titles.split(/ {2,}/)).toEqual(head.split(/ {2,}/));
    const form = `^[0-9a-f]{12} +dokku/node-js-app:latest +"/bin/bash -c 'exec.*" +.+ ago +Up .+? +${ports} +node-js-app\\.web\\.1$`;
    expect(row).toMatch(new RegExp(form));
    expect(others).toEqual(['']);
    return new RegExp(form).exec(row ?? '')?.[1];
  }

  async function reports({ command, printed }: Example): Promise<void> {
    const out = await printedBy(command);
    expect(out.replaceAll(address, 'A')).toBe(text(asReported(printed)).replaceAll(address, 'A'));
    for (const [listener] of out.matchAll(/172\S+:5000/g))
      if (host)
        expect((await daemon.inHost('curl', '-sS', '-m', '5', `http://${listener}/`)).stdout).toBe('here');
  }

  /** Says what it set, or that it cleared it; the report then has it. */
  async function sets(command: string): Promise<void> {
    const [, app = '', property = '', value = ''] = /:set (\S+) (\S+) ?(\S*)/.exec(command) ?? [];
    const said = value === '' ? `Unsetting ${property}` : `Setting ${property} to ${value}`;
    expect(await printedBy(command)).toBe(`=====> ${said}\n`);
    const flag = app === '--global' ? `network-global-${property}` : `network-${property}`;
    expect(await reported(app)).toMatchObject({
      [flag]: value || (property === 'bind-all-interfaces' ? 'false' : ''),
    });
  }

  it.each(['network', 'network --help', 'network:help', '--quiet network'])(
    'answers `dokku %s` itself, whatever dokku comes next',
    async (words) => {
      expect(await printedBy(`dokku ${words}`)).toMatch(/^Usage: dokku network\[:COMMAND\]\n/);
      expect(await printedBy('dokku apps')).toBe('Dokku itself: apps\n');
    },
  );

  it.each(examples.map((example, index) => ({ index, ...example })))('$index: $command', async (example) => {
    const { index, command, printed } = example;
    for (const line of given[index] ?? []) await printedBy(line);
    const check = prints[index];
    if (check) await check(example);
    else if (elsewhere.test(command))
      expect(await printedBy(command)).toBe(`Dokku itself: ${command.replace('dokku ', '')}\n`);
    else if (command.startsWith('dokku network:set ')) await sets(command);
    else expect(await printedBy(command)).toBe(text(printed));
  });
});
