import * as z from 'zod';
import type { Exec } from '../exec.ts';

/**
 * The packet filters of others on this host, as `nft -j` lists them: those of iptables-nft (ufw) and firewalld too.
 * A packet must be accepted by every base chain of its hook (nft(8)), so that no rule of ours overrides their drop.
 * Begin with obstacles.ts: verdict.ts says what a chain does with a packet, this file reads the chains.
 */
export interface FilterTable {
  readonly family: 'ip' | 'ip6' | 'inet';
  readonly name: string;
  readonly chains: ReadonlyMap<string, readonly Rule[]>;
  readonly bases: readonly BaseChain[];
  /** Elements of named sets. */
  readonly sets: ReadonlyMap<string, readonly unknown[]>;
}

export interface BaseChain {
  readonly name: string;
  readonly hook: 'input' | 'forward';
  readonly policy: 'accept' | 'drop';
}

/** Its statements, in nft's JSON (libnftables-json(5)). */
export type Rule = readonly Readonly<Record<string, unknown>>[];

const families = z.enum(['ip', 'ip6', 'inet']);
const chainSchema = z.object({
  family: families,
  table: z.string(),
  name: z.string(),
  type: z.string().optional(),
  hook: z.string().optional(),
  policy: z.enum(['accept', 'drop']).optional(),
});
const ruleSchema = z.object({ chain: z.string(), expr: z.array(z.record(z.string(), z.unknown())) });
const setSchema = z.object({ name: z.string(), elem: z.array(z.unknown()).optional() });
const listing = z.object({ nftables: z.array(z.record(z.string(), z.unknown())) });

/** Tables with a base chain that packets of ours come by. Costs one command where there is none. */
export async function foreignFilters(exec: Exec, isOurs: (table: string) => boolean): Promise<FilterTable[]> {
  const bases = (await list(exec, ['chains'])).flatMap(({ chain }) => {
    const { data } = chainSchema.safeParse(chain);
    const isFilter = data?.type === 'filter' && (data.hook === 'input' || data.hook === 'forward');
    return data && isFilter && !isOurs(data.table) ? [data] : [];
  });
  const names = new Set(bases.map(({ family, table }) => `${family} ${table}`));
  const tables = [...names].map(async (text) => {
    const [family = '', table = ''] = text.split(' ');
    return readTable(families.parse(family), table, await list(exec, ['table', family, table]));
  });
  return await Promise.all(tables);
}

/** Empty where there is nothing, or no longer. */
async function list(exec: Exec, what: readonly string[]): Promise<z.infer<typeof listing>['nftables']> {
  const { code, stdout } = await exec(['nft', '-j', 'list', ...what]);
  return code === 0 ? listing.parse(JSON.parse(stdout)).nftables : [];
}

function readTable(
  family: FilterTable['family'],
  name: string,
  objects: z.infer<typeof listing>['nftables'],
): FilterTable {
  const chains = new Map<string, Rule[]>();
  const sets = new Map<string, readonly unknown[]>();
  const bases: BaseChain[] = [];
  for (const { chain, rule, set } of objects) {
    const found = chainSchema.safeParse(chain).data;
    if (found) {
      chains.set(found.name, []);
      const { hook, policy = 'accept', type } = found;
      if (type === 'filter' && (hook === 'input' || hook === 'forward'))
        bases.push({ name: found.name, hook, policy });
    }
    const { data } = ruleSchema.safeParse(rule);
    if (data) chains.get(data.chain)?.push(data.expr);
    const elements = setSchema.safeParse(set).data;
    if (elements) sets.set(elements.name, elements.elem ?? []);
  }
  return { family, name, chains, bases, sets };
}
