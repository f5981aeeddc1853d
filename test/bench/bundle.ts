import { build } from 'esbuild';

/** Makes a program of a benchmark, `test/bench/NAME.ts`, one that Node runs. @returns its path */
export async function bundle(name: string): Promise<string> {
  const outfile = `dist/bench/${name}.js`;
  await build({
    entryPoints: [`test/bench/${name}.ts`],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    packages: 'external',
    logLevel: 'warning',
  });
  return outfile;
}
