import { randomBytes } from 'node:crypto';
import { familyOf } from '../../../lib/addresses.ts';
import { messageOf } from '../../../lib/errors.ts';
import { output } from '../exec.ts';
import { renderFirewall } from '../firewall/render.ts';
import { namespacePath } from '../links/netns.ts';
import { type LinuxHost, withoutSessions } from '../linux-host.ts';
import { loadRules } from '../nft.ts';
import { changeAssociations } from './associations.ts';
import { ensurePolicies } from './tunnel-policies.ts';

/**
 * Why this kernel cannot encrypt, found out by making a policy, an association and rules in a namespace that is
 * thrown away; undefined: it can. A kernel's version or configuration would not tell: modules may be missing.
 */
export async function encryptionObstacle(host: LinuxHost, local: string): Promise<string | undefined> {
  const name = `flprobe-${randomBytes(4).toString('hex')}`;
  const inside = withoutSessions((argv, options) =>
    host.exec(argv, { ...options, namespace: namespacePath(name) }),
  );
  const far = familyOf(local) === 4 ? '192.0.2.2' : '2001:db8::2';
  const near = familyOf(local) === 4 ? '192.0.2.1' : '2001:db8::1';
  const key = randomBytes(36).toString('hex');
  try {
    await output(host, ['ip', 'netns', 'add', name]);
    await ensurePolicies(inside, '0000', { local: near, port: 1 });
    await changeAssociations(inside, '0000', {
      add: [{ source: near, destination: far, spi: 0x100, key }],
      remove: [],
    });
    await loadRules(inside, sample);
    return undefined;
  } catch (error) {
    return inWords(messageOf(error), familyOf(local) === 4 ? 'ESP' : 'ESP6');
  } finally {
    await host.exec(['ip', 'netns', 'del', name]);
  }
}

/** What the kernel says when something is not built in, and has no module that could be loaded. */
function inWords(said: string, esp: string): string {
  if (/algorithm not found|Function not implemented/i.test(said)) {
    return 'its kernel lacks AES-GCM for IPsec (CONFIG_CRYPTO_GCM, CONFIG_CRYPTO_SEQIV)';
  }
  if (/netlink socket/i.test(said)) {
    return 'its kernel lacks IPsec (CONFIG_XFRM_USER)';
  }
  if (/Protocol not supported|type not found/i.test(said)) {
    return `its kernel lacks ${esp} (CONFIG_INET_${esp})`;
  }
  return `IPsec does not work: ${said}`;
}

const rules = { bridge: 'br0', subnets: [], internal: false, masquerade: false, icc: true };
const sample = renderFirewall('0000', { networks: [{ ...rules, tunnelPort: 1, encrypted: true }] });
