import { type Group, type Leaf, leaf } from '../../program.ts';

const lifecycle = () => import('./lifecycle.ts');

/** The commands that also stand at the top level, where Docker has them. */
export const topLevel = {
  run: leaf('run', 'Run a command in a new container', () => import('./create/run.ts')),
  create: leaf('create', 'Create a new container', () => import('./create/create.ts')),
  exec: leaf('exec', 'Run a command in a running container', () => import('./exec.ts')),
  logs: leaf('logs', 'Fetch the logs of a container', () => import('./logs.ts')),
  ps: leaf('ps', 'List containers', () => import('./list/ps.ts')),
  start: leaf('start', 'Start one or more stopped containers', () => import('./start.ts')),
  stop: leaf('stop', 'Stop one or more running containers', lifecycle),
  restart: leaf('restart', 'Restart one or more containers', lifecycle),
  rm: leaf('rm', 'Remove one or more containers', lifecycle),
  kill: leaf('kill', 'Kill one or more running containers', lifecycle),
  wait: leaf('wait', 'Block until containers stop, then print their exit codes', lifecycle),
  port: leaf('port', 'List port mappings or a specific mapping for the container', () => import('./port.ts')),
  rename: leaf('rename', 'Rename a container', lifecycle),
  attach: leaf('attach', 'Attach to a running container', () => import('./attach.ts')),
} satisfies Readonly<Record<string, Leaf>>;

const { ps: _ps, ...others } = topLevel;

export const container: Group = {
  summary: 'Manage containers',
  synopsis: '[OPTIONS] COMMAND [OPTIONS] [arg...]',
  width: 25,
  members: {
    ls: leaf('ps', 'List containers', () => import('./list/ps.ts')),
    inspect: leaf(
      'inspectContainer',
      'Display detailed information on containers',
      () => import('./inspect.ts'),
    ),
    ...others,
    list: { load: async () => (await import('./list/ps.ts')).ps },
    ps: { load: async () => (await import('./list/ps.ts')).ps },
  },
};
