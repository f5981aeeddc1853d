import { run } from '../run.mjs';

export async function buildNpm({ contents, release, outdir }) {
  const words = [
    'pack',
    '--ignore-scripts',
    '--loglevel=error',
    '--pack-destination',
    outdir,
    `./${contents}`,
  ];
  await run('npm', words, { stdio: ['ignore', 'ignore', 'inherit'] });
  return `${outdir}/fairlead-${release.version}.tgz`;
}
