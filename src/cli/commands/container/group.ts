import type { Group, Leaf } from '../../program.ts';

const lifecycle = () => import('./lifecycle.ts');

/** The commands that also stand at the top level, where Docker has them. */
export const topLevel = {
  run: {
    summary: 'Run a command in a new container',
    load: async () => (await import('./create/run.ts')).run,
  },
  create: {
    summary: 'Create a new container',
    load: async () => (await import('./create/create.ts')).create,
  },
  exec: {
    summary: 'Run a command in a running container',
    load: async () => (await import('./exec.ts')).exec,
  },
  logs: { summary: 'Fetch the logs of a container', load: async () => (await import('./logs.ts')).logs },
  ps: { summary: 'List containers', load: async () => (await import('./list/ps.ts')).ps },
  start: {
    summary: 'Start one or more stopped containers',
    load: async () => (await import('./start.ts')).start,
  },
  stop: { summary: 'Stop one or more running containers', load: async () => (await lifecycle()).stop },
  restart: { summary: 'Restart one or more containers', load: async () => (await lifecycle()).restart },
  rm: { summary: 'Remove one or more containers', load: async () => (await lifecycle()).rm },
  kill: { summary: 'Kill one or more running containers', load: async () => (await lifecycle()).kill },
  wait: {
    summary: 'Block until containers stop, then print their exit codes',
    load: async () => (await lifecycle()).wait,
  },
  port: {
    summary: 'List port mappings or a specific mapping for the container',
    load: async () => (await import('./port.ts')).port,
  },
  rename: { summary: 'Rename a container', load: async () => (await lifecycle()).rename },
  attach: {
    summary: 'Attach to a running container',
    load: async () => (await import('./attach.ts')).attach,
  },
} satisfies Readonly<Record<string, Leaf>>;

const { ps: _ps, ...others } = topLevel;

export const container: Group = {
  summary: 'Manage containers',
  synopsis: '[OPTIONS] COMMAND [OPTIONS] [arg...]',
  width: 25,
  members: {
    ls: { summary: 'List containers', load: async () => (await import('./list/ps.ts')).ps },
    inspect: {
      summary: 'Display detailed information on containers',
      load: async () => (await import('./inspect.ts')).inspectContainer,
    },
    ...others,
    list: { load: async () => (await import('./list/ps.ts')).ps },
    ps: { load: async () => (await import('./list/ps.ts')).ps },
  },
};
