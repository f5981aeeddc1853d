import { type Argv, commandFailed } from '../exec.ts';
import type { LinuxHost } from '../linux-host.ts';

/**
 * The `reqid` of all policies and associations of this node: how it tells them from those of others, and what ties
 * a policy to associations (ip-xfrm(8)). `f1` is ours, the rest is the tag.
 */
export function requestId(tag: string): number {
  return 0xf1_0000 | Number.parseInt(tag, 16);
}

/** One entry of `ip xfrm … list`: its first line, and the rest in one. */
export interface XfrmEntry {
  readonly head: string;
  readonly body: string;
}

/** `ip` has no JSON for these. Where the kernel has no IPsec at all there are none. @throws internal */
export async function listXfrm(host: LinuxHost, ...words: readonly string[]): Promise<readonly XfrmEntry[]> {
  const argv: Argv = ['ip', 'xfrm', ...words];
  const outcome = await host.exec(argv);
  if (outcome.code !== 0) {
    if (/Protocol not supported/.test(outcome.stderr)) return [];
    throw commandFailed(argv, outcome);
  }
  return outcome.stdout.split(/^(?=src )/m).flatMap((entry) => {
    const [head = '', ...body] = entry.trim().split(/\s*\n\s*/);
    return head === '' ? [] : [{ head, body: body.join(' ') }];
  });
}
