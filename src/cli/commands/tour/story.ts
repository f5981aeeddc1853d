/** One line of the tour: a command that is shown as typed, and run. */
export interface Step {
  /** The words after `$`; `{c1}` and the like are filled in from what came before. */
  readonly words: readonly string[];
  /** Shown before the command. */
  readonly remark?: string;
  /** Remembers the output (without the newline, cut like a short id) under this name. */
  readonly keep?: string;
  /** Run again until the output has this, or has it no more: what it shows takes a moment. Filled in as the words. */
  readonly untilShown?: string;
  readonly untilGone?: string;
}

export interface Setting {
  readonly mode: string;
  readonly hasOverlay: boolean;
  readonly hasDig: boolean;
  readonly dnsPort: number;
}

/** The seed's transcript, with the containers that it takes for granted. */
export function story(setting: Setting): readonly Step[] {
  return [...networks(setting), ...services, ...resolution(setting), ...publishing, ...farewell];
}

function networks({ hasOverlay }: Setting): readonly Step[] {
  const bar = hasOverlay ? ['-d', 'overlay', 'bar'] : ['bar'];
  return [
    {
      remark: 'Networks are objects with a life of their own.',
      words: ['docker', 'network', 'create', 'foo'],
    },
    { words: ['docker', 'network', 'create', ...bar] },
    { words: ['docker', 'network', 'ls'] },
    { words: ['docker', 'network', 'info', 'foo'] },
    { words: ['docker', 'network', 'rm', 'bar'] },
  ];
}

const services: readonly Step[] = [
  {
    remark: 'A container, and a service that it backs on foo.',
    words: ['docker', 'run', '-itd', '--name', 'c1', 'alpine'],
    keep: 'c1',
  },
  { words: ['docker', 'service', 'publish', 'my-service.foo'] },
  { words: ['docker', 'service', 'attach', '{c1}', 'my-service.foo'] },
  { words: ['docker', 'service', 'ls'] },
  {
    remark: 'Another container on foo finds the service by its name.',
    words: ['docker', 'run', '-itd', '--name', 'c2', '--net', 'foo', 'alpine'],
  },
];

function resolution({ mode, hasDig, dnsPort }: Setting): readonly Step[] {
  const address = '{{.NetworkSettings.Networks.foo.IPAddress}}';
  const seen: readonly Step[] =
    mode === 'sandbox'
      ? [
          { words: ['docker', 'exec', 'c2', 'getent', 'hosts', 'my-service'] },
          { words: ['docker', 'exec', 'c2', 'ping', '-c1', 'my-service'] },
        ]
      : [
          { words: ['docker', 'inspect', '--format', address, 'c2'], keep: 'c2-address' },
          {
            words: [
              hasDig ? 'dig' : 'ask',
              '+short',
              '+subnet={c2-address}/32',
              '@127.0.0.1',
              '-p',
              String(dnsPort),
              'my-service',
            ],
          },
        ];
  return [...seen, { words: ['fairlead', 'probe', 'c2', 'my-service'] }];
}

const publishing: readonly Step[] = [
  {
    remark: 'run can publish, too.',
    words: ['docker', 'run', '-itd', '--publish-service', 'db.foo', 'postgres'],
    keep: 'db',
  },
  { words: ['docker', 'service', 'ls'] },
  { words: ['docker', 'service', 'detach', '{c1}', 'my-service.foo'] },
  { words: ['docker', 'service', 'unpublish', 'my-service.foo'] },
  { words: ['docker', 'service', 'ls'] },
];

/** Frees the names that the README's commands use. */
const farewell: readonly Step[] = [
  {
    remark: 'What the tour made goes away again.',
    words: ['docker', 'rm', '-f', '{c1}', 'c2', '{db}'],
  },
  { words: ['docker', 'service', 'unpublish', 'db.foo'] },
  { words: ['docker', 'network', 'rm', 'foo'] },
];
