import { output } from './exec.ts';
import type { LinuxHost } from './linux-host.ts';

/** One transaction of a few commands, by the session where it can. @returns whether it was carried out */
export async function changeRules(host: LinuxHost, commands: readonly string[]): Promise<boolean> {
  if (commands.length === 0 || (await host.nft.run(commands))) return true;
  return (await host.exec(['nft', '-f', '-'], { input: `${commands.join('\n')}\n` })).code === 0;
}

/** One transaction of whole tables. @throws internal, with what nft says */
export async function loadRules(host: Pick<LinuxHost, 'exec'>, text: string): Promise<void> {
  await output(host, ['nft', '-f', '-'], { input: text });
}
