import { run } from '../run.mjs';

/** The same bytes for the same files: order, owners and times are none of this machine's. */
export async function archive(file, folder, names, { time }, { owner = 0, compress = [] } = {}) {
  const when = time || '1970-01-01T00:00:00Z';
  const settings = ['--sort=name', '--format=gnu', '--numeric-owner', `--owner=${owner}`, `--group=${owner}`];
  await run('tar', [
    '-C',
    folder,
    ...settings,
    `--mtime=${when}`,
    '--mode=go-w',
    ...compress,
    '-cf',
    file,
    ...names,
  ]);
}

export const withGzip = ['--use-compress-program=gzip -n -6'];
