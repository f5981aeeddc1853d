import type { Command } from '../../command.ts';
import { UsageError } from '../../failure.ts';
import { type Flags, list, text, toggle } from '../../flags/spec.ts';
import { objectFormats } from '../../flags/takes.ts';
import { dokkuLog } from '../../output/dokku-log.ts';
import { styled, styleOf } from '../../output/style.ts';
import { commandHelp } from '../../output/usage.ts';
import { appNetworkCommands } from '../dokku/app-networks.ts';
import { appCommands, names } from '../dokku/apps.ts';
import type { DokkuCommand } from '../dokku/call.ts';
import { processCommands } from '../dokku/processes.ts';
import { runCommands } from '../dokku/run.ts';

const force = toggle('Do not ask for confirmation');
const format = text('Output format: json', { takes: objectFormats });
const global = toggle('Apply to all apps without a value of their own');

const processFlags = {
  'dns-policy': text('Which address of its name comes first: turn (default), rotate, ordered, sticky', {
    takes: ['ordered', 'rotate', 'sticky', 'turn'],
  }),
  env: list('Set an environment variable: KEY=VALUE'),
  image: text('The image of its containers'),
  port: list('A TCP port that it listens on, the first one for web'),
};

/** The words after the command go to Dokku's command as they are: it knows its own options. */
export const appCommandSet = {
  create: like(appCommands['apps:create'], 'APP', 'Creates an app', {}),
  destroy: like(appCommands['apps:destroy'], 'APP', 'Removes an app with its containers here', { force }),
  exists: like(appCommands['apps:exists'], 'APP', 'Exit code 0 if there is an app of this name', {}),
  ls: like(appCommands['apps:list'], '', 'Lists the apps of all hosts that share the KV store', {}),
  process: like(
    processCommands['ps:set'],
    'APP PROC_TYPE [-- COMMAND...]',
    'Set what containers of a process type are made from; takes effect at the next rebuild',
    processFlags,
  ),
  scale: like(processCommands['ps:scale'], 'APP [PROC_TYPE=COUNT...]', 'Shows or sets the scale', {}),
  rebuild: like(processCommands['ps:rebuild'], 'APP', 'Replaces all containers of an app on this host', {}),
  ps: like(processCommands['ps:report'], '[APP] [FLAG]', 'Reports the processes of apps', { format }),
  run: like(runCommands.run, 'APP COMMAND [ARG...]', 'Runs a command on the networks of an app', {
    env: list('Set an environment variable: KEY=VALUE', { short: 'e' }),
  }),
  set: like(
    appNetworkCommands['network:set'],
    'APP PROPERTY [VALUE...]',
    'Sets a network property, or clears it without a value',
    { global },
  ),
  report: like(appNetworkCommands['network:report'], '[APP] [FLAG]', 'Reports the network properties', {
    format,
    global,
  }),
  'rebuild-network': like(
    appNetworkCommands['network:rebuild'],
    'APP',
    'Puts running containers on their networks; the exit code is the number of failures',
    {},
  ),
  names: like(names, 'APP', 'Shows each name that resolves, by process and network, and who answers', {}),
} satisfies Record<string, Command>;

export type AppCommandName = keyof typeof appCommandSet;

function like(run: DokkuCommand | undefined, synopsis: string, description: string, flags: Flags): Command {
  const known = { ...flags, quiet: toggle('Hide headers') };
  return {
    text: { synopsis, description, flags: known },
    async execute(words, { shell, client, path }) {
      const [first] = words;
      if (first === '--help' || first === '-h') {
        const { stdout } = shell;
        stdout.write(
          styled(commandHelp(path, { synopsis, description, flags: known }, styleOf(stdout, shell))),
        );
        return 0;
      }
      if (!run || (first === undefined && synopsis.startsWith('APP')))
        throw new UsageError(`'${path}' requires an app`);
      const ends = words.indexOf('--');
      const own = path.endsWith(' run') ? 0 : ends < 0 ? words.length : ends;
      const given = new Set(words.slice(0, own));
      const isOurs = (word: string) => word === '--quiet' || (word === '--force' && 'force' in flags);
      const args = [...words.slice(0, own).filter((word) => !isOurs(word)), ...words.slice(own)];
      const log = dokkuLog(shell, given.has('--quiet'));
      return (await run({ args, force: given.has('--force'), client, log, shell })) ?? 0;
    },
  };
}
