import { requireExtraHost } from '../../../../container/extra-host.ts';
import { isAddress } from '../../../../lib/addresses.ts';
import { FairleadError } from '../../../../lib/errors.ts';
import { isHostName, longestOwnName } from '../../../../lib/host-name.ts';

/** The parts of a create body that are written into a container's files, and so must be what they claim to be. */
interface NamesAndServers {
  readonly Hostname: string;
  readonly Domainname: string;
  readonly HostConfig: {
    readonly Dns: readonly string[];
    readonly DnsSearch: readonly string[];
    readonly DnsOptions: readonly string[];
    readonly ExtraHosts: readonly string[];
  };
}

/** @throws invalid, naming the member */
export function requireNamesAndServers({ Hostname, Domainname, HostConfig }: NamesAndServers): void {
  const rule = 'labels of letters, digits, "-" and "_", joined by "."';
  if (Hostname !== '' && !isHostName(Hostname, longestOwnName)) {
    throw wrong('Hostname', Hostname, `${rule}, ${longestOwnName} characters at most`);
  }
  if (Domainname !== '' && !isHostName(Domainname)) throw wrong('Domainname', Domainname, rule);
  for (const text of HostConfig.Dns) if (!isAddress(text)) throw wrong('Dns', text, 'an IP address');
  for (const text of HostConfig.DnsSearch) {
    // A single dot takes the host's own search list away.
    if (text !== '.' && !isHostName(text.replace(/\.$/, '')))
      throw wrong('DnsSearch', text, 'a domain, or "."');
  }
  for (const text of HostConfig.DnsOptions) {
    if (!/^[A-Za-z0-9._-]+(:[A-Za-z0-9._-]+)?$/.test(text)) {
      throw wrong('DnsOptions', text, 'a word of resolv.conf(5), such as ndots:2');
    }
  }
  for (const text of HostConfig.ExtraHosts) requireExtraHost(text);
}

function wrong(member: string, text: string, expected: string): FairleadError {
  return new FairleadError('invalid', `invalid ${member} "${text}": expected ${expected}`);
}
