import * as z from 'zod';
import { holds, type Match, matches, type Packet } from './packet-match.ts';
import type { BaseChain, FilterTable, Rule } from './ruleset.ts';

type Verdict = 'accept' | 'drop' | 'return';

/** Chains do not call each other in circles, as the kernel sees to. */
const deepest = 16;

/**
 * What the chain does with the first packet of a flow. Only a drop that is certain counts: a rule about what is not
 * known of the packet is passed over, unless it accepts and names the packet's own interface.
 */
export function verdictOf(table: FilterTable, base: BaseChain, packet: Packet): 'accept' | 'drop' {
  const verdict = walk(table, base.name, packet, 0);
  return verdict === 'return' ? base.policy : verdict;
}

function walk(table: FilterTable, chain: string, packet: Packet, depth: number): Verdict {
  if (depth > deepest) return 'return';
  for (const rule of table.chains.get(chain) ?? []) {
    const decision = decide(table, rule, packet, depth);
    if (decision !== undefined) return decision;
  }
  return 'return';
}

/** Undefined: the next rule's turn. */
function decide(table: FilterTable, rule: Rule, packet: Packet, depth: number): Verdict | undefined {
  let found: Match = 'yes';
  for (const statement of rule) {
    const match = matchOf(statement, packet, table);
    if (match === 'no') return undefined;
    if (match !== 'yes') found = found === 'unknown' ? found : match;
    const action = actionOf(statement, packet);
    if (!action) continue;
    const isCertain = found === 'yes' || (found === 'likely' && action !== 'drop');
    if (!isCertain) return action === 'accept' && names(rule, packet) ? 'accept' : undefined;
    return typeof action === 'string' ? action : enter(table, action, packet, depth);
  }
  return undefined;
}

function matchOf(statement: Rule[number], packet: Packet, { sets }: FilterTable): Match {
  if ('match' in statement) return matches(statement.match, packet, sets);
  if ('limit' in statement) return 'unknown';
  const { data } = extension.safeParse(statement);
  // Of what only iptables has, nft tells the name alone.
  return data?.xt.type === 'match' && data.xt.name !== 'comment' ? 'unknown' : 'yes';
}

const extension = z.object({ xt: z.object({ type: z.string(), name: z.string() }) });
const call = z.union([
  z.object({ jump: z.object({ target: z.string() }) }),
  z.object({ goto: z.object({ target: z.string() }) }),
]);
const verdictMap = z.object({
  vmap: z.object({
    key: z.union([
      z.object({ meta: z.object({ key: z.string() }) }),
      z.object({ ct: z.object({ key: z.string() }) }),
    ]),
    data: z.object({ set: z.array(z.tuple([z.unknown(), z.record(z.string(), z.unknown())])) }),
  }),
});
type Call = z.infer<typeof call>;

function actionOf(statement: Rule[number], packet: Packet): Verdict | Call | undefined {
  if ('accept' in statement) return 'accept';
  if ('drop' in statement || 'reject' in statement) return 'drop';
  if ('return' in statement) return 'return';
  const { data: jump } = call.safeParse(statement);
  if (jump) return jump;
  if (extension.safeParse(statement).data?.xt.name === 'REJECT') return 'drop';
  const { data: map } = verdictMap.safeParse(statement);
  const entry = map?.vmap.data.set.find(([value]) => holds(map.vmap.key, [value], packet) === 'yes');
  return entry && actionOf(entry[1], packet);
}

function enter(table: FilterTable, action: Call, packet: Packet, depth: number): Verdict | undefined {
  if ('goto' in action) return walk(table, action.goto.target, packet, depth + 1);
  const verdict = walk(table, action.jump.target, packet, depth + 1);
  return verdict === 'return' ? undefined : verdict;
}

/** Whether one of its matches is about an interface, and this packet's. */
function names(rule: Rule, packet: Packet): boolean {
  return rule.some((statement) => {
    const about = /"(iif|oif)(name)?"/.test(JSON.stringify(statement));
    return about && matches(statement.match, packet, new Map()) === 'yes';
  });
}
