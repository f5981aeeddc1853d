import { UDPClient } from 'dns2';

/** What dig does for the tour, where there is no dig: one A query with a client subnet (RFC 7871). */
export async function ask(
  args: readonly string[],
): Promise<{ readonly output: string; readonly code: number }> {
  const clientIp = args.find((word) => word.startsWith('+subnet='))?.slice('+subnet='.length) ?? '';
  const port = Number(args[args.indexOf('-p') + 1]);
  const resolve = UDPClient({ dns: '127.0.0.1', port, timeout: 2000 });
  const { answers } = await resolve(args.at(-1) ?? '', 'A', undefined, { clientIp });
  const lines = answers.flatMap(({ address }) => (address ? [`${address}\n`] : []));
  return { output: lines.join(''), code: lines.length > 0 ? 0 : 1 };
}
