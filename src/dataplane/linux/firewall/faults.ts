import type { Survey } from '../../inspection.ts';
import { tableName } from '../../names.ts';
import { output } from '../exec.ts';
import type { LinuxHost } from '../linux-host.ts';

/**
 * How the kernel's table differs from the one that the text makes (firewall.ts, source-rules.ts). nft prints rules in
 * words of its own, so the text is loaded into a network namespace that lasts as long as the command, and both are listed.
 */
export async function firewallFaults(
  host: LinuxHost,
  family: 'inet' | 'bridge',
  tag: string,
  text: string,
): Promise<Survey['firewall']> {
  const list = ['nft', '-s', 'list', 'table', family, tableName(tag)] as const;
  const [actual, wanted] = await Promise.all([
    host.exec(list),
    // A constant script: one process must have loaded the text before the other lists it.
    output(host, ['unshare', '-n', 'sh', '-c', 'nft -f - && { "$@" || :; }', 'sh', ...list], { input: text }),
  ]);
  return compareListings(actual.code === 0 ? actual.stdout : '', wanted);
}

/** Of two listings of `nft list table`. */
export function compareListings(actual: string, wanted: string): Survey['firewall'] {
  const [there, expected] = [statements(actual), statements(wanted)];
  if (there.length === 0 && expected.length > 0) return { missing: ['the whole table'], surplus: [] };
  return { missing: without(expected, there), surplus: without(there, expected) };
}

/** One line for each rule, element and property, with the chain or set that it is in. */
function statements(listing: string): string[] {
  // Elements go on in the next line after a comma.
  const lines = listing.replaceAll(/,\s*\n\s*/g, ', ').split('\n');
  let block = '';
  return lines.flatMap((raw) => {
    const line = raw.trim();
    const opened = /^((?:chain|set|map) \S+) \{$/.exec(line)?.[1];
    if (opened !== undefined) {
      block = opened;
      return [block];
    }
    if (line === '' || line === '}' || line.startsWith('table ')) return [];
    const elements = /^elements = \{ (.*) \}$/.exec(line)?.[1];
    return (elements?.split(', ') ?? [line]).map((statement) => `${block}: ${statement}`);
  });
}

/** As multisets: the same rule twice is one too many. */
function without(all: readonly string[], known: readonly string[]): string[] {
  const left = new Map<string, number>();
  for (const line of known) left.set(line, (left.get(line) ?? 0) + 1);
  return all.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
