import { type Leaf, leaf } from '../../program.ts';

/** What a package leaves to be done, and undone, by hand. */
export const install: Readonly<Record<string, Leaf>> = {
  'link-docker': {
    summary: 'Put the drop-in for docker into a directory of the PATH',
    load: async () => (await import('./link-command.ts')).linkCommand('docker'),
  },
  'link-dokku': {
    summary: 'Put the drop-in for dokku into a directory of the PATH',
    load: async () => (await import('./link-command.ts')).linkCommand('dokku'),
  },
  uninstall: leaf(
    'uninstall',
    'Stop the daemon and its containers, and take back all they made',
    () => import('./uninstall.ts'),
  ),
};
