import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/**
 * Imports go down only (docs/architecture.md):
 * {bin, reference} → testing → daemon → {api, cli} → {apps, network, dns} → {container, drivers, kvstore, cluster} → dataplane → lib.
 */
const tiers: readonly (readonly string[])[] = [
  ['bin', 'src/reference'],
  ['src/testing'],
  ['src/daemon'],
  ['src/api', 'src/cli'],
  ['src/apps', 'src/network', 'src/dns'],
  ['src/container', 'drivers', 'kvstore', 'src/cluster'],
  ['src/dataplane'],
  ['src/lib'],
];

/** Only the composition roots know these, the daemon's and fairlead/testing's; everyone else imports the contract. */
const concrete =
  /^(drivers\/(?!(?:ipam-)?driver\.ts)|kvstore\/(?!store\.ts)|src\/container\/(sandbox|simulated|engine)|src\/dataplane\/(linux\/|simulated))/;

/**
 * Up in one place each: the CLI starts the daemon, and speaks of its settings (src/daemon/config.ts);
 * it is loaded only when that is asked for.
 */
const allowedUp: Readonly<Record<string, RegExp>> = {
  'src/cli/': /^src\/daemon\/(main|config|flags)\.ts$/,
};

const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Import {
  readonly from: string;
  readonly to: string;
}

/** Why the import is against the rule; undefined when it is not. */
export function violation({ from, to }: Import): string | undefined {
  const allowed = Object.entries(allowedUp).some(
    ([prefix, target]) => from.startsWith(prefix) && target.test(to),
  );
  if (tierOf(to) < tierOf(from) && !allowed) return `${from} imports ${to}, which lies above it`;
  const folderOf = (file: string) => tiers.flat().find((folder) => file.startsWith(`${folder}/`));
  if (concrete.test(to) && folderOf(from) !== folderOf(to) && !/^src\/(daemon|testing)\//.test(from)) {
    return `${from} imports ${to}; only src/daemon may know a concrete driver, store or runtime`;
  }
  return undefined;
}

function tierOf(file: string): number {
  return tiers.findIndex((tier) => tier.some((folder) => file.startsWith(`${folder}/`)));
}

function sources(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const specifiers = text.matchAll(/(?:from|import)\s*\(?\s*'(\.{1,2}\/[^']+\.ts)'/g);
  return [...specifiers].map(([, specifier = '']) => ({
    from: file,
    to: relative(root, join(root, dirname(file), specifier)),
  }));
}

describe('imports go down only', () => {
  const imports = ['bin', 'src', 'drivers', 'kvstore'].flatMap(sources).flatMap(importsOf);

  it('holds for every import', () => {
    expect(imports.length).toBeGreaterThan(100);
    expect(imports.flatMap((one) => violation(one) ?? [])).toEqual([]);
  });

  it('would catch an import that goes up', () => {
    expect(violation({ from: 'src/lib/ids.ts', to: 'src/network/ipam.ts' })).toContain('lies above');
  });

  it('would catch a use case that knows a concrete driver', () => {
    expect(violation({ from: 'src/network/ipam.ts', to: 'drivers/bridge.ts' })).toContain('only src/daemon');
  });

  it('every source file belongs to a tier', () => {
    const files = ['bin', 'src', 'drivers', 'kvstore'].flatMap(sources);
    expect(files.filter((file) => tierOf(file) < 0)).toEqual([]);
  });
});
