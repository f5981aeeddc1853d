import { describe, expect, it } from 'vitest';
import { runCli } from '../../rig/cli.ts';

const help = async (...argv: string[]) => {
  const { code, stdout, stderr } = await runCli(argv);
  expect([code, stderr]).toEqual([0, '']);
  return stdout;
};

/** The seed's texts, to the letter; what today's Docker adds stands after them. */
describe('help', () => {
  it('of network', async () => {
    expect(await help('network', '--help')).toBe(`
Usage: docker network [OPTIONS] COMMAND [OPTIONS] [arg...]

Commands:
    create                   Create a network
    rm                       Remove a network
    ls                       List all networks
    info                     Display information of a network
    inspect                  Display detailed information on networks
    connect                  Connect a container to a network
    disconnect               Disconnect a container from a network
    graph                    Write the networks and what is on them as a graph
    prune                    Remove all unused networks

Run 'docker network COMMAND --help' for more information on a command.

  --help=false       Print usage
`);
  });

  it('of service', async () => {
    expect(await help('service', '--help')).toBe(`
Usage: docker service COMMAND [OPTIONS] [arg...]

Commands:
    publish   Publish a service
    unpublish Remove a service
    attach    Attach a backend (container) to the service
    detach    Detach the backend from the service
    ls        Lists all services
    info      Display information about a service
    promote   Have a standby take the service over

Run 'docker service COMMAND --help' for more information on a command.

  --help=false       Print usage
`);
  });

  it('of a command: flags sorted by their first name', async () => {
    expect(await help('service', 'ls', '--help')).toBe(`
Usage: docker service ls [OPTIONS] SERVICE

Lists all the services on a network


  -a, --all=false      Also show the containers' own names, which are not published
  --format=            Format output using a Go template, table, json or raw
  --help=false         Print usage
  -net, --network=     Only show the services that are published on the specified network
  --no-trunc=false     Do not truncate the output
  -q, --quiet=false    Only display numeric IDs
  --wide=false         Also show where each provider is: node, address and health
`);
  });

  it.each([
    [
      ['network', 'create'],
      'Usage: docker network create [OPTIONS] NETWORK-NAME',
      'Creates a new network with a name specified by the user',
    ],
    [['network', 'rm'], 'Usage: docker network rm [OPTIONS] NETWORK [NETWORK...]', 'Deletes a network'],
    [['network', 'ls'], 'Usage: docker network ls [OPTIONS]', 'Lists all the networks created by the user'],
    [
      ['network', 'info'],
      'Usage: docker network info [OPTIONS] NETWORK',
      'Displays detailed information on a network',
    ],
    [
      ['service', 'publish'],
      'Usage: docker service publish [OPTIONS] SERVICE[.NETWORK]',
      'Publish a new service on a network',
    ],
    [
      ['service', 'unpublish'],
      'Usage: docker service unpublish [OPTIONS] SERVICE[.NETWORK]',
      'Removes a service',
    ],
    [
      ['service', 'attach'],
      'Usage: docker service attach [OPTIONS] CONTAINER SERVICE[.NETWORK]',
      'Sets a container as a service backend',
    ],
    [
      ['service', 'detach'],
      'Usage: docker service detach [OPTIONS] CONTAINER SERVICE',
      'Removes a container from service backend',
    ],
    [
      ['service', 'info'],
      'Usage: docker service info [OPTIONS] SERVICE[.NETWORK]',
      'Displays detailed information about a service',
    ],
  ])('of %s begins as in 2015', async (words, usage, description) => {
    expect(await help(...words, '--help')).toMatch(
      new RegExp(`^\n${quotedForRegExp(usage)}\n\n${quotedForRegExp(description)}\n\n\n  -`),
    );
  });

  it('shows each 2015 flag as it was', async () => {
    const ls = await help('network', 'ls', '--help');
    for (const line of [
      '  -l, --latest=false    Show the latest network created',
      '  -n=-1                 Show n last created networks',
      '  --no-trunc=false      Do not truncate the output',
      '  -q, --quiet=false     Only display numeric IDs',
    ]) {
      expect(ls).toContain(`${line}\n`);
    }
    expect(await help('run', '--help')).toMatch(
      /\n {2}--publish-service=\[\] +Publish this container as a service\n/,
    );
    expect(await help('daemon', '--help')).toMatch(/\n {2}--kv-store= +Set KV Store configuration\n/);
  });

  it.each([
    [['help', 'network', 'create']],
    [['network', 'help', 'create']],
    [['NETWORK', 'Create', '--help']],
    [['network', 'create', '-h']],
    [['network', 'create', 'foo', '--help']],
  ])('%s is network create --help', async (argv) => {
    expect(await help(...argv)).toBe(await help('network', 'create', '--help'));
  });

  it('is printed on stderr where the command is missing, as today', async () => {
    const { code, stdout, stderr } = await runCli(['network']);
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toBe(await help('network', '--help'));
  });

  it('of the program lists every command', async () => {
    const text = await help('--help');
    for (const name of [
      'network',
      'service',
      'container',
      'run',
      'exec',
      'logs',
      'ps',
      'dns',
      'probe',
      'doctor',
      'events',
      'info',
      'daemon',
      'tour',
      'playground',
    ]) {
      expect(text).toMatch(new RegExp(`^ {4}${name} +\\S`, 'm'));
    }
    expect(text).toMatch(/\n {2}-H, --host= +Daemon socket to connect to/);
  });
});

describe('wrong command lines', () => {
  it.each([
    [
      ['network', 'create'],
      "'docker network create' requires 1 argument. See 'docker network create --help'.",
    ],
    [
      ['network', 'create', 'a', 'b'],
      "'docker network create' requires 1 argument. See 'docker network create --help'.",
    ],
    [['network', 'rm'], "'docker network rm' requires at least 1 argument. See 'docker network rm --help'."],
    [
      ['network', 'prune', 'x'],
      "'docker network prune' accepts no arguments. See 'docker network prune --help'.",
    ],
    [
      ['service', 'attach', 'x'],
      "'docker service attach' requires 2 arguments. See 'docker service attach --help'.",
    ],
    [['network', 'ls', '--bogus'], "unknown flag: --bogus. See 'docker network ls --help'."],
    [['network', 'bogus'], "unknown command: docker network bogus. See 'docker network --help'."],
    [['bogus'], "unknown command: docker bogus. See 'docker --help'."],
    [['--bogus', 'network'], "unknown flag: --bogus. See 'docker --help'."],
    [
      ['service', 'ls', '--net', 'x'],
      `unknown flag: --net. See 'docker service ls --help'.\nDid you mean "--network"?`,
    ],
    [
      ['network', 'crate', 'foo'],
      `unknown command: docker network crate. See 'docker network --help'.\nDid you mean "create"?`,
    ],
    [['netwrok', 'ls'], `unknown command: docker netwrok. See 'docker --help'.\nDid you mean "network"?`],
    [['run', '--nam', 'x', 'y'], `unknown flag: --nam. See 'docker run --help'.\nDid you mean "--name"?`],
    [['--hots', 'x', 'info'], `unknown flag: --hots. See 'docker --help'.\nDid you mean "--host"?`],
    [
      ['network', 'create', '--label', '', 'x'],
      `invalid argument "" for "--label" flag: invalid label '': empty name. See 'docker network create --help'.`,
    ],
    [
      ['service', 'publish', '--expose', '0', 'x'],
      `invalid argument "0" for "--expose" flag: expected PORT[/tcp|udp|sctp]. See 'docker service publish --help'.`,
    ],
    [
      ['-H', 'ftp://x', 'network', 'ls'],
      `invalid host "ftp://x": expected unix:///path/to.sock or tcp://HOST:PORT. See 'docker network ls --help'.`,
    ],
    [
      ['daemon', '--kv-store', 'redis:x'],
      `invalid argument for "--kv-store" flag: unknown kv store provider "redis": use one of consul, etcd, zookeeper, as in consul:localhost:8500. See 'docker daemon --help'.`,
    ],
    [
      ['daemon', '--config-file', '/nonexistent'],
      "config file /nonexistent: ENOENT: no such file or directory, open '/nonexistent'. See 'docker daemon --help'.",
    ],
  ])('%s', async (argv, message) => {
    expect(await runCli(argv)).toEqual({ code: 125, stdout: '', stderr: `docker: ${message}\n` });
  });
});

function quotedForRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
