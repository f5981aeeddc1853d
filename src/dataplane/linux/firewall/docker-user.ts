import { ownerAlias } from '../../names.ts';
import { output } from '../exec.ts';
import type { LinuxHost } from '../linux-host.ts';

/**
 * Where a Docker Engine runs, the policy of iptables' FORWARD chain is DROP, for packets that our own
 * table accepted as well (every base chain must accept). Docker keeps DOCKER-USER for rules such as ours
 * (docs.docker.com, "Packet filtering and firewalls"). These accept whatever our table lets pass, after
 * Docker's own isolation has protected its bridges from ours.
 */
export async function syncDockerUser(
  host: LinuxHost,
  tag: string,
  bridges: readonly string[],
  partial: boolean,
): Promise<void> {
  for (const program of ['iptables', 'ip6tables'] as const) {
    const { code, stdout } = await host.exec([program, '-w', '-S']);
    if (code !== 0) continue;
    const changes = dockerUserChanges(tag, bridges, stdout, partial);
    if (changes !== undefined)
      await output(host, [`${program}-restore`, '-w', '--noflush'], { input: changes });
  }
}

/** Of these rules, those that are not there, and those of ours that should not be, as `iptables -S` prints them. */
export async function dockerUserFaults(
  host: LinuxHost,
  tag: string,
  bridges: readonly string[],
): Promise<{ readonly missing: readonly string[]; readonly surplus: readonly string[] }> {
  const missing: string[] = [];
  const surplus: string[] = [];
  for (const program of ['iptables', 'ip6tables'] as const) {
    const { code, stdout } = await host.exec([program, '-w', '-S']);
    const rules = code === 0 ? dockerUserRules(tag, bridges, stdout) : undefined;
    if (!rules) continue;
    const spoken = (rule: string) => `${program} ${rule}`;
    missing.push(...rules.wanted.filter((rule) => !rules.present.includes(rule)).map(spoken));
    surplus.push(...rules.present.filter((rule) => !rules.wanted.includes(rule)).map(spoken));
  }
  return { missing, surplus };
}

/**
 * Input of `iptables-restore --noflush` that brings the rules listed by `iptables -S` to what they should
 * be; undefined when there is nothing to do, as where no Docker is. `partial`: those of other bridges stay.
 */
export function dockerUserChanges(
  tag: string,
  bridges: readonly string[],
  listing: string,
  partial = false,
): string | undefined {
  const rules = dockerUserRules(tag, bridges, listing);
  if (!rules) return undefined;
  const { present } = rules;
  const others = partial ? present.filter((rule) => !rules.wanted.includes(rule)) : [];
  const wanted = [...rules.wanted, ...others];
  if (present.join('\n') === wanted.join('\n')) return undefined;
  const deletions = present.map((rule) => rule.replace('-A', '-D'));
  // Inserted at the top in reverse, which leaves them in order.
  const insertions = wanted.toReversed().map((rule) => rule.replace('-A DOCKER-USER', '-I DOCKER-USER 1'));
  return ['*filter', ...deletions, ...insertions, 'COMMIT', ''].join('\n');
}

/** Undefined where no Docker is. */
function dockerUserRules(tag: string, bridges: readonly string[], listing: string) {
  const lines = listing.split('\n');
  if (!lines.includes('-N DOCKER-USER')) return undefined;
  const isolation = lines.includes('-N DOCKER-ISOLATION-STAGE-2');
  return {
    wanted: [...dockerUserPrefixes(tag, bridges)].flatMap((prefix) => rulesFor(tag, prefix, isolation)),
    present: lines.filter((line) => line.startsWith('-A DOCKER-USER') && line.includes(comment(tag))),
  };
}

/** One pattern for all bridges that bear the tag; those named by users one by one. */
export function dockerUserPrefixes(tag: string, bridges: readonly string[]): Set<string> {
  const own = `fl${tag}-`;
  return new Set([...bridges].sort().map((bridge) => (bridge.startsWith(own) ? `${own}+` : bridge)));
}

/** Spelled as `iptables -S` prints them, so that they can be compared. */
function rulesFor(tag: string, prefix: string, isolation: boolean): string[] {
  const mark = `-m comment --comment ${comment(tag)}`;
  return [
    `-A DOCKER-USER -o ${prefix} ${mark} -j ACCEPT`,
    ...(isolation ? [`-A DOCKER-USER -i ${prefix} ${mark} -j DOCKER-ISOLATION-STAGE-2`] : []),
    `-A DOCKER-USER -i ${prefix} ${mark} -j ACCEPT`,
  ];
}

const comment = ownerAlias;
