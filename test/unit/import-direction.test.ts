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

/**
 * The rooms of src/network stack: each imports those before it, and the contracts at its root. What puts all of it
 * together is at the root as well, and no room imports it.
 */
const rooms = [
  'addressing',
  'host',
  'networks',
  'endpoints',
  'services',
  'containers',
  'reconcile',
  'doctor',
  'plugin',
  'engine',
];
const contracts = ['src/network/model.ts', 'src/network/context.ts'];
const mostFiles = 12;

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

/** Why an import within src/network is against the rule; undefined when it is not. */
export function roomViolation({ from, to }: Import): string | undefined {
  const room = roomOf(from);
  if (room === undefined || !to.startsWith('src/network/') || contracts.includes(to)) return undefined;
  const other = roomOf(to);
  if (other === undefined) return `${from} imports ${to}, which puts the rooms together`;
  return rooms.indexOf(other) > rooms.indexOf(room)
    ? `${from} imports ${to}, which lies above it`
    : undefined;
}

function roomOf(file: string): string | undefined {
  return /^src\/network\/([^/]+)\//.exec(file)?.[1];
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

describe('the rooms of src/network', () => {
  const files = sources('src/network');

  it('stack', () => {
    expect(files.flatMap(importsOf).flatMap((one) => roomViolation(one) ?? [])).toEqual([]);
  });

  it('are ten, of a dozen files at most, and say what they are', () => {
    const found = [...new Set(files.flatMap((file) => roomOf(file) ?? []))].sort();
    expect(found).toEqual([...rooms].sort());
    for (const room of rooms) {
      const readme = readFileSync(join(root, 'src/network', room, 'README.md'), 'utf8');
      expect(readme.split('\n').length, room).toBeLessThanOrEqual(12);
      expect(files.filter((file) => roomOf(file) === room).length, room).toBeLessThanOrEqual(mostFiles);
    }
  });

  it('would catch an import that goes up', () => {
    const up = { from: 'src/network/host/peers.ts', to: 'src/network/containers/converge.ts' };
    expect(roomViolation(up)).toContain('lies above');
    const all = { from: 'src/network/host/peers.ts', to: 'src/network/create-model.ts' };
    expect(roomViolation(all)).toContain('puts the rooms together');
  });
});
