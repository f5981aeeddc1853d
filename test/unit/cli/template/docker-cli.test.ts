import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createTestApi } from '../../../rig/api.ts';
import { type CliRun, runCli } from '../../../rig/cli.ts';
import { realDocker } from '../../../rig/real-docker.ts';
import { RandomTemplates, type Vocabulary } from './random-template.ts';

/** The same templates through the real docker CLI and through ours, both at one daemon. */
let api: Awaited<ReturnType<typeof createTestApi>>;

beforeAll(async () => {
  api = await createTestApi({ programs: true });
  await api.listen();
  const pools = [{ Subnet: '10.20.0.0/24', Gateway: '10.20.0.1' }, { Subnet: 'fd00:20::/64' }];
  const foo = {
    Name: 'foo',
    Labels: { b: '<2>' },
    EnableIPv6: true,
    IPAM: { Config: pools },
    Options: { o: 'p' },
  };
  await api.call('POST', '/networks/create', foo);
  await api.call('POST', '/networks/create', {
    Name: 'inner',
    Internal: true,
    Labels: { b: 'x', 'a.x-y': 'one' },
  });
  const web = {
    Image: 'nginx:1',
    Cmd: ['serve', 'the web'],
    Labels: { b: 'v' },
    ExposedPorts: { '80/tcp': {} },
    HostConfig: { NetworkMode: 'foo', Memory: 67108864, PortBindings: { '80/tcp': [{ HostPort: '8080' }] } },
  };
  await api.call('POST', '/containers/create?name=web', web);
  await api.call('POST', '/containers/web/start');
});

afterAll(async () => {
  await api[Symbol.asyncDispose]();
});

const commands = {
  'network ls': (template: string) => ['network', 'ls', '--format', template],
  ps: (template: string) => ['ps', '-a', '--format', template],
  'network inspect': (template: string) => ['network', 'inspect', '--format', template, 'foo'],
  inspect: (template: string) => ['inspect', '--format', template, 'web'],
} as const;
type Command = keyof typeof commands;

async function both(command: Command, template: string): Promise<readonly [real: CliRun, ours: CliRun]> {
  const args = commands[command](template);
  const [real, ours] = [
    await realDocker(args, api.socketPath),
    await runCli(args, { host: `unix://${api.socketPath}` }),
  ];
  return [real, ours];
}

describe('a template says what the real docker says', () => {
  it.each<[Command, string]>([
    [
      'network ls',
      '{{.ID}} {{.Name}} {{.Driver}} {{.Scope}} {{.IPv4}} {{.IPv6}} {{.Internal}} {{.CreatedAt}}',
    ],
    ['network ls', 'table'],
    ['network ls', 'raw'],
    ['network ls', 'table {{.Name}}\\t{{.Label "a.x-y"}}\\t{{upper .Driver}}'],
    ['network ls', '{{.Nope}}'],
    ['network ls', '{{.Name.Foo}}'],
    ['network ls', '{{'],
    ['network ls', '{{foo .Name}}'],
    ['network ls', '{{slice .Name 0 9}}'],
    ['ps', 'table {{.ID}}\\t{{.Image}}\\t{{.Command}}\\t{{.Ports}}\\t{{.Names}}'],
    ['ps', '{{.ID}} {{.Image}} {{.Command}} {{.Ports}} {{.Names}} {{.Labels}} {{.Networks}} {{.State}}'],
    ['ps', '{{.Mounts}}|{{.LocalVolumes}}|{{.Size}}|{{.Label "b"}}'],
    ['ps', '{{json .Ports}} {{json .Size}}'],
    ['ps', '{{.Nope}}'],
    ['network inspect', '{{.}}'],
    ['network inspect', '{{.ID}} {{.IPAM}} {{.Peers}} {{.Services}} {{.ConfigFrom}}'],
    ['network inspect', '{{range .IPAM.Config}}{{.Subnet}} {{.Gateway}} {{.IPRange}} {{.AuxAddress}}{{end}}'],
    ['network inspect', '{{.Created}} {{.Created.Year}} {{.Created.Unix}} {{json .Created}}'],
    ['network inspect', '{{.Containers}} {{json .Containers}}'],
    ['network inspect', '{{range $id, $c := .Containers}}{{$id}} {{$c.Name}} {{$c.IPv4Address}}{{end}}'],
    ['network inspect', '{{.Labels.b}} {{.Labels.none}}'],
    ['network inspect', '{{.Id}}'],
    ['network inspect', '{{.Nope}}'],
    ['network inspect', '{{.Name.Foo}}'],
    [
      'inspect',
      '{{.Name}} {{.Id}} {{.State.Running}} {{.State.Pid}} {{.HostConfig.NetworkMode}} {{.HostConfig.Memory}}',
    ],
    ['inspect', '{{json .NetworkSettings.Ports}}'],
    ['inspect', '{{range $p, $c := .NetworkSettings.Ports}}{{$p}} -> {{(index $c 0).HostPort}}{{end}}'],
    ['inspect', '{{.NetworkSettings.Networks.foo.IPAddress}} {{.Config.Labels}}'],
    ['inspect', '{{.ID}} {{.Config.Labels.none}}'],
    ['inspect', '{{.NetworkSettings.Ports}}'],
    ['inspect', '{{split .HostConfig.NetworkMode "e"}}'],
    ['inspect', '{{range .NetworkSettings.Ports}}{{range .}}{{.HostIP}} {{end}}{{end}}'],
    ['inspect', '{{.State.Nope}}'],
    [
      'inspect',
      `{{title "o'neil"}} {{js "a<b>=\\n"}} {{urlquery "a!(b)'*"}} {{printf "%q" "\\x01\\u00a0'"}}`,
    ],
  ])('%s --format %s', async (command, template) => {
    const [real, ours] = await both(command, template);
    expect(ours).toEqual(real);
  });
});

describe('where the two differ', () => {
  it.each<[Command, string, reason: string]>([
    ['network inspect', '{{json .}}', 'API 1.52, that ours speaks, has counts of addresses (Status)'],
    ['network inspect', 'json', 'the same'],
    ['network ls', '{{.}}', "Docker prints the formatter's own fields, which are no interface"],
    ['ps', '{{.Platform}}', 'a nil pointer of Go prints as <nil>, a missing value as <no value>'],
    [
      'inspect',
      '{{.State}}',
      'whole structs of a container print as the JSON that they are; their fields are the same',
    ],
    ['inspect', '{{.Name | printf "%s\u0007"}}', 'control characters of values are shown, not obeyed'],
    [
      'network inspect',
      '{{.Created.Format "2006"}}',
      'of the methods of a time those that take something are missing',
    ],
  ])('%s --format %s: %s', async (command, template) => {
    // A difference that is gone leaves the list.
    const [real, ours] = await both(command, template);
    expect(ours).not.toEqual(real);
  });
});

const vocabularies: Readonly<Record<Command, Vocabulary>> = {
  'network ls': {
    texts: ['.Name', '.Driver', '.ID', '.Scope', '(.Label "b")', '$.Name'],
    numbers: ['(len .Name)'],
    flags: ['(eq .Name "foo")', '(eq .IPv6 "true")'],
    maps: ['(split .Name "o")'],
  },
  ps: {
    texts: ['.Names', '.Image', '.Command', '.Ports', '.Labels', '.State', '(.Label "b")'],
    numbers: ['(len .Ports)'],
    flags: ['(eq .State "running")'],
    maps: ['(split .Image ":")'],
  },
  'network inspect': {
    texts: ['.Name', '.ID', '.Driver', '$.Scope', '(index .Labels "b")', '(index .IPAM.Config 0).Subnet'],
    numbers: ['(len .Containers)'],
    flags: ['.EnableIPv6', '.Internal', '.Containers', '.Peers'],
    maps: ['.Labels', '.Options'],
  },
  inspect: {
    texts: ['.Name', '.ID', '.Config.Image', '$.State.Status', '.Driver', '.Created'],
    numbers: ['.HostConfig.Memory', '.RestartCount', '.State.ExitCode'],
    flags: ['.State.Running', '.State.Paused', '.Config.Tty'],
    maps: ['.Config.Labels'],
  },
};

/** One process for many templates; each has variables of its own. */
const inOne = (templates: readonly string[]) =>
  templates.map((one) => `{{if true}}${one}{{end}}`).join('\n@@@\n');

describe('generated templates', () => {
  it.each(Object.keys(commands) as Command[])('%s', async (command) => {
    const isList = command === 'network ls' || command === 'ps';
    const source = new RandomTemplates(22, vocabularies[command]);
    const templates = Array.from({ length: 120 }, () => source.next()).filter(
      // `index` of a text takes a number.
      (template) => !isList || !/index \(split/.test(template),
    );
    const wrong: unknown[] = [];
    const compare = async (some: readonly string[]): Promise<void> => {
      const [real, ours] = await both(command, inOne(some));
      const isSame = real.code === ours.code && real.stdout === ours.stdout && real.stderr === ours.stderr;
      if (isSame && (real.code === 0 || some.length === 1)) return;
      if (some.length === 1) wrong.push({ template: some[0], real, ours });
      // All of a process's templates share its failure: each is looked at alone.
      else
        for (const half of [some.slice(0, some.length / 2), some.slice(some.length / 2)]) await compare(half);
    };
    for (let at = 0; at < templates.length; at += 20) await compare(templates.slice(at, at + 20));
    expect(wrong).toEqual([]);
  });
});
