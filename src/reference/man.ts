import { dokkuUsages } from '../cli/commands/dokku/help.ts';
import { globalFlags } from '../cli/fairlead.ts';
import type { Flag } from '../cli/flags/spec.ts';
import { isGroup } from '../cli/program.ts';
import { sectionsOf } from '../cli/sections.ts';
import { daemonFlags } from '../daemon/flags.ts';
import { version } from '../lib/version.ts';
import { defaultOf, shownFlags } from './flag-text.ts';
import {
  argument,
  definitions,
  example,
  flagList,
  type ManPage,
  prose,
  sentence,
  synopsisOf,
} from './mdoc.ts';
import { type Page, pages, root } from './pages.ts';

const environment = definitions([
  ['Ev FAIRLEAD_HOST', 'The daemon to talk to, where no flag names one'],
  ['Ev FAIRLEAD_CERT_PATH', 'A folder with ca.pem, cert.pem and key.pem, for a daemon behind TLS'],
  ['Ev NO_COLOR', 'Any value that is not empty: no bold text and no colour'],
]);

const exitStatus = [
  ...prose('The exit status is 0, or:'),
  ...definitions([
    ['1', 'The daemon refused, or could not be reached'],
    ['64', 'A template of an inspect does not parse'],
    ['125', 'The command line is wrong, or a container could not be started'],
    ['126', 'A program of a container cannot be run'],
    ['127', 'A program cannot be found'],
  ]),
  ...prose('What runs a container to its end has the status of its program.'),
];

/** Every page that is installed. */
export async function manPages(): Promise<readonly ManPage[]> {
  const all = await pages();
  return [programPage(all), ...all.map(commandPage), dockerPage, dokkuPage(), configPage()];
}

function programPage(all: readonly Page[]): ManPage {
  const commands = sectionsOf(root).flatMap(([title, members]) => [
    `.Ss ${title}`,
    ...definitions(members.map(([name, { summary = '' }]) => [`Cm ${name}`, summary])),
  ]);
  return {
    name: 'fairlead',
    section: 1,
    summary: 'networks and services as first-class objects',
    synopsis: ['.Nm', '.Op Ar options', '.Ar command', '.Op Ar argument ...'],
    sections: {
      DESCRIPTION: [
        '.Nm',
        ...prose(
          `talks to a Fairlead daemon, which keeps networks and the services that are published on them, and answers their names. Container commands that stand alone are those of the group container. Sub-commands are compared without case; --help shows a command's flags. This is version ${version}.`,
        ),
        ...prose('The options are:'),
        ...flagList(globalFlags),
      ],
      COMMANDS: commands,
      ENVIRONMENT: environment,
      FILES: definitions([
        ['Pa /run/fairlead.sock', "The daemon's socket; without root fairlead.sock in $XDG_RUNTIME_DIR"],
        ['Pa /etc/fairlead/fairlead.json', "The daemon's configuration, as packages set it up"],
        ['Pa /var/lib/fairlead', "The daemon's state"],
      ]),
      'EXIT STATUS': exitStatus,
      EXAMPLES: example([
        'fairlead network create foo',
        'fairlead service publish my-service.foo',
        'fairlead run -d --name web --publish-service web.foo nginx',
        'fairlead service ls',
      ]),
    },
    seeAlso: [
      ...all.map(({ name }) => [`fairlead-${name}`, 1] as const),
      ['fairlead-docker', 1],
      ['fairlead-dokku', 1],
      ['fairlead.json', 5],
    ],
  };
}

function commandPage({ name, summary, commands }: Page): ManPage {
  const isGroupPage = isGroup(root.members[name] ?? { load: () => Promise.reject() });
  const body = commands.flatMap(({ path, text }) => [
    ...(isGroupPage ? [`.Ss ${path.slice(name.length + 1)}`] : []),
    ...prose(sentence(text.description)),
    ...flagList(text.flags),
  ]);
  const others: ManPage['seeAlso'] = name === 'daemon' ? [['fairlead.json', 5]] : [];
  return {
    name: `fairlead-${name}`,
    section: 1,
    summary: lowered(summary),
    synopsis: commands.flatMap(({ path, text }) => synopsisOf('fairlead', path, text.synopsis)),
    sections: {
      DESCRIPTION: isGroupPage ? [...prose('The commands are:'), ...body] : body,
    },
    seeAlso: [['fairlead', 1], ...others],
  };
}

const dockerPage: ManPage = {
  name: 'fairlead-docker',
  section: 1,
  summary: 'the drop-in for docker',
  synopsis: ['.Nm docker', '.Op Ar options', '.Ar command', '.Op Ar argument ...'],
  sections: {
    DESCRIPTION: [
      '.Nm docker',
      ...prose(
        'of Fairlead, first on the PATH, takes the command network and the service commands publish, unpublish, attach, detach, ls, info and promote. Where the daemon has no Docker Engine behind it, container commands are its own as well; beside an Engine only run and create with --publish-service are. Everything else goes to the real docker, the first on the PATH after ours, with the same words, input, output, signals and exit status.',
      ),
      ...prose('Completion offers both: ours first, then what the real docker completes.'),
    ],
    'EXIT STATUS': exitStatus,
  },
  seeAlso: [
    ['fairlead', 1],
    ['fairlead-network', 1],
    ['fairlead-service', 1],
  ],
};

function dokkuPage(): ManPage {
  const items = dokkuUsages().flatMap(({ usage, summary }) => [
    `.It ${argument(usage)}`,
    ...prose(sentence(summary)),
  ]);
  return {
    name: 'fairlead-dokku',
    section: 1,
    summary: 'the drop-in for dokku',
    synopsis: ['.Nm dokku', '.Op Fl -quiet', '.Op Fl -force', '.Ar command', '.Op Ar argument ...'],
    sections: {
      DESCRIPTION: [
        '.Nm dokku',
        ...prose(
          'of Fairlead, first on the PATH, takes the commands below; any other goes to a real dokku after it on the PATH. --quiet leaves the headers out; --force asks no question.',
        ),
        '.Bl -tag -width Ds',
        ...items,
        '.El',
      ],
    },
    seeAlso: [
      ['fairlead', 1],
      ['fairlead-app', 1],
    ],
  };
}

/** Flags that are no keys of the file. */
const flagsOnly = new Set(['config-file', 'validate']);

const jsonTypes: Readonly<Record<Flag['kind'], string>> = {
  list: 'a list of strings',
  number: 'a number',
  switch: 'true or false',
  text: 'a string',
};

function configPage(): ManPage {
  const keys = shownFlags(daemonFlags).filter(([name]) => !flagsOnly.has(name));
  const items = keys.map(([name, flag]): readonly [string, string] => {
    const preset = defaultOf(flag);
    const more = preset === '' ? '' : ` The default is ${preset}.`;
    return [`Cm ${name}`, `${sentence(flag.describe)} It is ${jsonTypes[flag.kind]}.${more}`];
  });
  return {
    name: 'fairlead.json',
    section: 5,
    summary: 'configuration of the Fairlead daemon',
    sections: {
      DESCRIPTION: [
        ...prose(
          'One JSON object, which the flag --config-file of fairlead daemon names; packages set up /etc/fairlead/fairlead.json. Its keys are the flags of the daemon, and a flag goes before the file. fairlead daemon --validate says what is wrong with it.',
        ),
        ...prose('The keys are:'),
        ...definitions(items),
      ],
      EXAMPLES: example([
        '{',
        '  "kv-store": "etcd:192.0.2.10:2379,192.0.2.11:2379",',
        '  "advertise": "eth0",',
        '  "default-network": "overlay:multihost"',
        '}',
      ]),
    },
    seeAlso: [['fairlead-daemon', 1]],
  };
}

function lowered(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
