import { list, text, toggle } from '../../../flags/spec.ts';

/** What a container may do and see beyond its networks: shared by `run` and `create`. */
export const isolationFlags = {
  'cap-add': list('Add Linux capabilities'),
  'cap-drop': list('Drop Linux capabilities'),
  cgroupns: text('Cgroup namespace to use (host|private)', { takes: ['host', 'private'] }),
  device: list('Add a host device to the container'),
  'group-add': list('Add additional groups to join'),
  init: toggle('Run an init inside the container that forwards signals and reaps processes'),
  ipc: text('IPC mode to use'),
  mount: list('Attach a filesystem mount to the container'),
  pid: text('PID namespace to use'),
  privileged: toggle('Give extended privileges to this container'),
  'read-only': toggle("Mount the container's root filesystem as read only"),
  'security-opt': list('Security Options', { takes: ['no-new-privileges'] }),
  'shm-size': text('Size of /dev/shm'),
  sysctl: list('Sysctl options'),
  tmpfs: list('Mount a tmpfs directory'),
  ulimit: list('Ulimit options'),
  userns: text('User namespace to use'),
  uts: text('UTS namespace to use'),
  volume: list('Bind mount a volume', { short: 'v', takes: 'directory' }),
  'volumes-from': list('Mount volumes from the specified container(s)', { takes: 'container' }),
};
