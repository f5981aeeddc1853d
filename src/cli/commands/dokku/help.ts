/** Dokku's own lines, for the commands of its that are ours. */
interface Topic {
  readonly summary: string;
  /** Usage and what it does. */
  readonly commands: readonly (readonly [usage: string, summary: string])[];
}

const topics: Readonly<Record<string, Topic>> = {
  apps: {
    summary: 'Manage apps',
    commands: [
      ['apps:create <app>', 'Create a new app'],
      ['apps:destroy <app>', 'Permanently destroy an app'],
      ['apps:exists <app>', 'Checks if an app exists'],
      ['apps:list', 'List your apps'],
    ],
  },
  network: {
    summary: 'Manage network settings for an app',
    commands: [
      ['network:create <network>', 'Creates an attachable docker network'],
      ['network:destroy <network>', 'Destroys a docker network'],
      ['network:exists <network>', 'Checks if a docker network exists'],
      ['network:info <network> [--format text|json]', 'Outputs information about a docker network'],
      ['network:list [--format text|json] [--dokku-managed]', 'Lists all docker networks'],
      ['network:rebuild <app>', 'Rebuilds network settings for an app'],
      ['network:rebuildall', 'Rebuild network settings for all apps'],
      [
        'network:report [<app>|--global] [<flag>] [--format stdout|json]',
        'Displays a network report for one or more apps',
      ],
      ['network:set <app>|--global <property> (<value>...)', 'Set or clear a network property for an app'],
    ],
  },
  ps: {
    summary: 'Manage app processes',
    commands: [
      ['ps:rebuild <app>', 'Deploys or redeploys an app'],
      ['ps:report [<app>] [<flag>] [--format stdout|json]', 'Displays a process report for one or more apps'],
      ['ps:scale <app> [<proc>=<count>...]', 'Get/Set how many instances of a given process to run'],
      [
        'ps:set <app> <proc> [--image I] [--port P]... [--env K=V]... [--dns-policy P] [-- <cmd>...]',
        'Sets what containers of a process are made from',
      ],
    ],
  },
  run: {
    summary: 'Run a one-off process inside a container',
    commands: [
      ['run [-e K=V]... <app> <cmd>...', 'Run a command in a new container on the networks of an app'],
      ['run:detached [-e K=V]... <app> <cmd>...', 'The same, without waiting for its end'],
    ],
  },
};

/** The text for `dokku help`, `dokku network`, `dokku network:help`; undefined for what is no question for help. */
export function helpFor(name: string, args: readonly string[]): string | undefined {
  if (name === 'help' || name === '--help' || name === '-h') return overview(args.includes('--all'));
  const [, topicName = ''] = /^([a-z]+)(?::help)?$/.exec(name) ?? [];
  // `run` is a command of its own.
  const topic = name === 'run' || !Object.hasOwn(topics, topicName) ? undefined : topics[topicName];
  if (!topic) return undefined;
  return `Usage: dokku ${topicName}[:COMMAND]\n\n${topic.summary}\n\nAdditional commands:\n${rows(topic.commands)}`;
}

/** `network`, `network:help`: all commands of that topic are ours, so its help is, whatever dokku is on the PATH. */
export function isOwnTopic(name: string): boolean {
  return name === 'network' || name === 'network:help';
}

/** What a command answers to `--help`. */
export function usageFor(name: string): string | undefined {
  const all = Object.values(topics).flatMap(({ commands }) => commands);
  const found = all.find(([usage]) => usage.split(' ')[0] === name);
  return found && `Usage: dokku ${found[0]}\n\n${found[1]}\n`;
}

/** A command's usage line, taken apart. */
export interface DokkuUsage {
  readonly name: string;
  readonly usage: string;
  readonly summary: string;
  /** `<app>`, `[<app>|--global]` */
  readonly operands: readonly string[];
  /** `--format`, and its values where they are words. */
  readonly flags: readonly { readonly flag: string; readonly values?: readonly string[] }[];
}

export function dokkuUsages(): readonly DokkuUsage[] {
  const commands = Object.values(topics).flatMap((topic) => topic.commands);
  return commands.map(([usage, summary]) => {
    const [name = ''] = usage.split(' ');
    const rest = usage.slice(name.length);
    const flags = [...rest.matchAll(/(--?[a-z][a-z-]*)(?: ([a-z]+(?:\|[a-z]+)+|[A-Z=]+))?/g)];
    const operands = rest.replaceAll(/\[?--?[a-z-]+ [^\s\]<]+\]?(?:\.\.\.)?/g, '').match(/\S*<[a-z]+>\S*/g);
    return {
      name,
      usage,
      summary,
      operands: operands ?? [],
      flags: flags.map(([, flag = '', values]) =>
        values === undefined ? { flag } : { flag, values: /^[a-z]/.test(values) ? values.split('|') : [] },
      ),
    };
  });
}

function overview(all: boolean): string {
  const commands = Object.entries(topics).flatMap(([name, topic]) =>
    all ? topic.commands : [[name, topic.summary] as const],
  );
  return [
    'Usage: dokku [--quiet|--force] COMMAND <app> [command-specific-options]\n',
    'Primary help options, type "dokku COMMAND:help" for more details, or dokku help --all to see all commands.\n',
    `Commands:\n\n${rows(commands)}`,
  ].join('\n');
}

function rows(commands: Topic['commands']): string {
  const width = Math.max(...commands.map(([usage]) => usage.length));
  return commands.map(([usage, summary]) => `    ${usage.padEnd(width)}  ${summary}\n`).join('');
}
