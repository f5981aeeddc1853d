/**
 * Names of this node's kernel objects. `tag` is four hex digits, fixed for a data root: two daemons in one
 * namespace never touch each other's. Interface names end at 15 characters (IFNAMSIZ), so ids are cut.
 */

/** Digits of a sandbox id that its namespace's name keeps. */
export const sandboxDigits = 12;

export function sandboxName(tag: string, sandboxId: string): string {
  return `fl${tag}-${sandboxId.slice(0, sandboxDigits)}`;
}

export function bridgeName(tag: string, networkId: string): string {
  return `fl${tag}-${networkId.slice(0, 8)}`;
}

/** The host's end of an endpoint's veth pair. */
export function hostEndName(tag: string, endpointId: string): string {
  return `fl${tag}${endpointId.slice(0, 9)}`;
}

/** The other end of that pair, from when it is made until an Engine moves it into a container. */
export function detachedPeerName(tag: string, endpointId: string): string {
  return `fl${tag}y${endpointId.slice(0, 8)}`;
}

/** The device that has the resolver's address; it is no network's, so no sweep finds it. */
export function resolverDevice(tag: string): string {
  return `fl${tag}-dns`;
}

/**
 * Where containers of an Engine ask for names, the same on every host: link-local (RFC 3927), so that it is on
 * nobody's network and never leaves the host.
 */
export const resolverAddress = '169.254.53.53';

/** Where a container asks for names whose networks have no gateway of ours: inside its sandbox, as all of Docker's do. */
export const innerResolver = '127.0.0.11';

/** An overlay network's tunnel device; `x` is no hex digit, so that it is no host end. */
export function vxlanName(tag: string, networkId: string): string {
  return `fl${tag}x${networkId.slice(0, 8)}`;
}

/** What a network lies on that has no parent among the host's interfaces; `p` is no hex digit either. */
export function parentName(tag: string, networkId: string): string {
  return `fl${tag}p${networkId.slice(0, 8)}`;
}

/** Of the nftables table, in family inet. */
export function tableName(tag: string): string {
  return `fairlead_${tag}`;
}

/** The alias that marks a bridge with a name of the user's choice as ours. */
export function ownerAlias(tag: string): string {
  return `fairlead_${tag}`;
}

/** The first 12 digits of the id whose namespace this is; undefined when it is not this node's. */
export function sandboxOfName(tag: string, namespace: string): string | undefined {
  return new RegExp(`^fl${tag}-([0-9a-f]{${sandboxDigits}})$`).exec(namespace)?.[1];
}

export function isBridgeName(tag: string, name: string): boolean {
  return new RegExp(`^fl${tag}-[0-9a-f]{8}$`).test(name);
}

export function isHostEndName(tag: string, name: string): boolean {
  return new RegExp(`^fl${tag}[0-9a-f]{9}$`).test(name);
}

export function isVxlanName(tag: string, name: string): boolean {
  return new RegExp(`^fl${tag}x[0-9a-f]{8}$`).test(name);
}

export function isParentName(tag: string, name: string): boolean {
  return new RegExp(`^fl${tag}p[0-9a-f]{8}$`).test(name);
}

interface NamedDevice {
  readonly ifname: string;
  readonly ifalias?: string | undefined;
}

/** A device of this node, whatever it is for. */
export function isOurDevice(tag: string, { ifname, ifalias }: NamedDevice): boolean {
  return ifname.startsWith(`fl${tag}`) || ifalias === ownerAlias(tag);
}

/** One of any node's: two daemons may share a namespace. */
export function isFairleadDevice({ ifname, ifalias = '' }: NamedDevice): boolean {
  return /^fl[0-9a-f]{4}[-0-9a-fpxy]/.test(ifname) || ifalias.startsWith(ownerAlias(''));
}

/** What the kernel takes as an interface name (dev_valid_name), less what would split an `ip` batch line. */
export function isInterfaceName(text: string): boolean {
  return /^[^\s/:"'\\#]{1,15}$/.test(text) && text !== '.' && text !== '..';
}
