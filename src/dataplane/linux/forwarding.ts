import type { Family } from '../../lib/addresses.ts';
import { type Exec, output } from './exec.ts';

/**
 * Makes the host forward packets of the family. Not undone: who else relies on it by then is not known.
 * `tee`, so that the file is opened in the namespace of the host (/proc/sys/net shows its opener's).
 */
export async function enableForwarding(exec: Exec, family: Family): Promise<void> {
  if (family === 6) await keepRouterAdvertisements(exec);
  const file = family === 4 ? 'ipv4/ip_forward' : 'ipv6/conf/all/forwarding';
  await output(exec, ['tee', `/proc/sys/net/${file}`], { input: '1' });
}

/**
 * A forwarding IPv6 host ignores router advertisements unless accept_ra is 2, and would lose its own
 * default route (Documentation/networking/ip-sysctl, accept_ra).
 */
async function keepRouterAdvertisements(exec: Exec): Promise<void> {
  const grep = ['grep', '-rlx', '--include=accept_ra', '1', '/proc/sys/net/ipv6/conf'] as const;
  const { stdout } = await exec(grep);
  const files = stdout.split('\n').filter((file) => file !== '' && !/\/(all|default)\//.test(file));
  if (files.length > 0) await output(exec, ['tee', ...files], { input: '2' });
}
