import { innerResolver } from '../../names.ts';
import { output } from '../exec.ts';
import type { LinuxHost } from '../linux-host.ts';

/**
 * As in the Engine's containers: port 53 itself stays free, for a container that is a DNS server and listens on all its
 * addresses. The table is in the sandbox's namespace, and goes with it.
 */
export async function redirectNames(host: LinuxHost, namespacePath: string, port: number): Promise<void> {
  const input = `table ip fairlead_names
delete table ip fairlead_names
table ip fairlead_names {
  chain output {
    type nat hook output priority -100; policy accept;
    ip daddr ${innerResolver} meta l4proto { tcp, udp } th dport 53 dnat to ${innerResolver}:${port}
  }
}
`;
  await output(host, ['nft', '-f', '-'], { namespace: namespacePath, input });
}
