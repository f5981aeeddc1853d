import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CliOptions, FakeDaemon, runCli } from '../../rig/cli.ts';

const bold = '\u001b[1m';

describe('help on a terminal', () => {
  const help = async (argv: readonly string[], options: CliOptions) =>
    (await runCli([...argv, '--help'], options)).stdout;
  const wordsOf = (text: string) => text.split(/\s+/);

  it.each([20, 40, 44, 60, 80, 132])('of %d columns has whole words in lines that fit', async (columns) => {
    for (const argv of [[], ['network'], ['run'], ['service', 'ls'], ['app', 'set'], ['daemon']]) {
      const [piped, shown] = [await help(argv, {}), await help(argv, { columns, env: { NO_COLOR: '1' } })];
      expect(wordsOf(shown)).toEqual(wordsOf(piped));
      const broken = shown.split('\n').filter((line) => line.length > columns && line.trim().includes(' '));
      expect(broken).toEqual([]);
    }
  });

  it('is wrapped beside the names, and below them where there is no room', async () => {
    expect(await help(['service', 'ls'], { columns: 60 })).toContain(
      [
        "  -a, --all=false      Also show the containers' own names,",
        '                       which are not published',
      ].join('\n'),
    );
    expect(await help(['service', 'ls'], { columns: 40 })).toContain(
      ['  -q, --quiet=false', '        Only display numeric IDs'].join('\n'),
    );
  });

  it('has its titles in bold, unless NO_COLOR or a terminal that knows no bold', async () => {
    expect(await help([], { columns: 80 })).toContain(`\n${bold}Container commands:\u001b[0m\n    run  `);
    for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }])
      expect(await help([], { columns: 80, env })).not.toContain('\u001b');
    expect(await help([], { columns: 80, env: { NO_COLOR: '' } })).toContain(bold);
    expect(await help([], {})).not.toContain('\u001b');
  });

  it('groups every command under one title', async () => {
    const text = await help([], {});
    const titles = [...text.matchAll(/^([A-Z]\w.*):$/gm)].map(([, title]) => title);
    expect(titles).toEqual([
      'Options',
      'Management commands',
      'Container commands',
      'Diagnostics',
      'Daemon and set-up',
    ]);
  });
});

describe('a table on a terminal', () => {
  const ports = [80, 443, 8080].map((port) => ({
    IP: '0.0.0.0',
    PrivatePort: port,
    PublicPort: 30_000 + port,
    Type: 'tcp',
  }));
  const container = {
    Id: 'a'.repeat(64),
    Names: ['/a-name-that-is-rather-long'],
    Image: 'registry.example/team/image:1.2.3',
    Command: 'sleep infinity',
    Created: Math.floor(Date.now() / 1000) - 7200,
    Status: 'Up 2 hours',
    Ports: ports,
  };
  const network = (Name: string) => ({ Id: 'b'.repeat(64), Name, Created: '', Driver: 'bridge' });
  let daemon: FakeDaemon;
  beforeEach(async () => {
    daemon = await FakeDaemon.start();
    daemon
      .on('GET /containers/json', { json: [container] })
      .on('GET /networks', { json: [network('foo'), network(`${'long-'.repeat(12)}name`)] });
  });
  afterEach(() => daemon[Symbol.asyncDispose]());

  const linesOf = async (argv: readonly string[], columns?: number) => {
    const options = columns === undefined ? {} : { columns };
    const { stdout } = await runCli(argv, { host: daemon.host, ...options });
    return stdout.trimEnd().split('\n');
  };

  it('that is wide enough is as in a pipe', async () => {
    expect(await linesOf(['ps'], 400)).toEqual(await linesOf(['ps']));
    expect(await linesOf(['network', 'ls'], 120)).toEqual(await linesOf(['network', 'ls']));
  });

  it('first loses the room between its columns, and nothing else', async () => {
    expect(await linesOf(['network', 'ls'], 90)).toEqual([
      expect.stringMatching(/^NETWORK ID +NAME +TYPE$/),
      expect.stringMatching(/^bbbbbbbbbbbb +foo +bridge$/),
      expect.stringMatching(/^bbbbbbbbbbbb +(long-){12}name +bridge$/),
    ]);
  });

  it.each([100, 80])('of %d columns has its widest cells cut, never ids or headers', async (columns) => {
    const [header = '', row = ''] = await linesOf(['ps'], columns);
    expect(Math.max(header.length, row.length)).toBeLessThanOrEqual(columns);
    expect(header.split(/ {2,}/)).toEqual([
      ...['CONTAINER ID', 'IMAGE', 'COMMAND', 'CREATED', 'STATUS', 'PORTS', 'NAMES'],
    ]);
    expect(row).toMatch(/^aaaaaaaaaaaa {3}\S*….*…/);
  });

  it('is whole with --no-trunc, and so is what only lists ids', async () => {
    expect(await linesOf(['ps', '--no-trunc'], 80)).toEqual(await linesOf(['ps', '--no-trunc']));
    expect(await linesOf(['ps', '-q'], 5)).toEqual(['aaaaaaaaaaaa']);
  });
});
