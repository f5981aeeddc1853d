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
 * Rooms that stack: each imports those before it, and the contracts at its folder's root. What puts all of them
 * together is at the root as well, and no room imports it.
 */
const stacks = [
  {
    folder: 'src/network',
    rooms: [
      'addressing',
      'host',
      'networks',
      'endpoints',
      'services',
      'containers',
      'standby',
      'reconcile',
      'doctor',
      'plugin',
      'engine',
    ],
    contracts: ['model.ts', 'context.ts'],
    /** Folders that put rooms together, and are no rooms. */
    above: [],
  },
  {
    folder: 'src/dns',
    rooms: ['wire', 'names', 'askers', 'forward', 'listeners'],
    contracts: ['metrics.ts'],
    above: ['thread'],
  },
] as const satisfies readonly Stack[];

interface Stack {
  readonly folder: string;
  readonly rooms: readonly string[];
  readonly contracts: readonly string[];
  readonly above: readonly string[];
}

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

/** Why an import within the folder is against the rule; undefined when it is not. */
export function roomViolation({ folder, rooms, contracts }: Stack, { from, to }: Import): string | undefined {
  const room = rooms.indexOf(roomOf(folder, from) ?? '');
  if (room < 0 || !to.startsWith(`${folder}/`)) return undefined;
  if (contracts.some((contract) => to === `${folder}/${contract}`)) return undefined;
  const other = rooms.indexOf(roomOf(folder, to) ?? '');
  if (other < 0) return `${from} imports ${to}, which puts the rooms together`;
  return other > room ? `${from} imports ${to}, which lies above it` : undefined;
}

function roomOf(folder: string, file: string): string | undefined {
  return file.startsWith(`${folder}/`) ? /^([^/]+)\//.exec(file.slice(folder.length + 1))?.[1] : undefined;
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

describe.each<Stack>(stacks)('the rooms of $folder', (stack) => {
  const { folder, rooms, contracts, above } = stack;
  const files = sources(folder);

  it('stack', () => {
    expect(files.flatMap(importsOf).flatMap((one) => roomViolation(stack, one) ?? [])).toEqual([]);
  });

  it('are these, of a dozen files at most, and say what they are', () => {
    const found = [...new Set(files.flatMap((file) => roomOf(folder, file) ?? []))].sort();
    expect(found).toEqual([...rooms, ...above].sort());
    expect(contracts.filter((contract) => !files.includes(`${folder}/${contract}`))).toEqual([]);
    for (const room of rooms) {
      const readme = readFileSync(join(root, folder, room, 'README.md'), 'utf8');
      expect(readme.split('\n').length, room).toBeLessThanOrEqual(12);
      expect(files.filter((file) => roomOf(folder, file) === room).length, room).toBeLessThanOrEqual(
        mostFiles,
      );
    }
  });

  it('would catch an import that goes up', () => {
    const [lowest = ''] = rooms;
    const up = { from: `${folder}/${lowest}/a.ts`, to: `${folder}/${rooms.at(-1)}/b.ts` };
    expect(roomViolation(stack, up)).toContain('lies above');
    expect(roomViolation(stack, { ...up, to: `${folder}/all.ts` })).toContain('puts the rooms together');
  });
});
