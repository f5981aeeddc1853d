import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { messageOf } from '../../lib/errors.ts';
import { type Argv, createExec, output } from './exec.ts';
import { renderFirewall } from './firewall/render.ts';
import { renderSources, sourceSets } from './firewall/source-rules.ts';
import { batch, ip } from './ip.ts';
import { namespacePath } from './links/netns.ts';
import { type LinuxHost, withoutSessions } from './linux-host.ts';

export type Probe = { readonly ok: true } | { readonly ok: false; readonly reason: string };

/** Whether the linux data plane works here, found out by using it in a namespace that is thrown away. */
export async function probeLinux(host = withoutSessions(createExec())): Promise<Probe> {
  const reason = (await obstacle(host)) ?? (await trial(host));
  return reason === undefined ? { ok: true } : { ok: false, reason };
}

const needed: readonly { readonly argv: Argv; readonly install: string }[] = [
  { argv: ['ip', '-Version'], install: 'iproute2' },
  { argv: ['nft', '--version'], install: 'nftables' },
  { argv: ['nsenter', '--version'], install: 'util-linux' },
];

async function obstacle(host: LinuxHost): Promise<string | undefined> {
  if (process.platform !== 'linux') return `network namespaces need Linux, this is ${process.platform}`;
  if (!(await hasCapabilities())) return 'it needs root (CAP_NET_ADMIN and CAP_SYS_ADMIN): run it with sudo';
  for (const { argv, install } of needed) {
    try {
      await output(host, argv);
    } catch (error) {
      return `${messageOf(error)}: install ${install}`;
    }
  }
  return undefined;
}

/** CAP_NET_ADMIN is 12 and CAP_SYS_ADMIN 21 (capabilities(7)). */
const capabilities = (1n << 12n) | (1n << 21n);

async function hasCapabilities(): Promise<boolean> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return (effective & capabilities) === capabilities;
}

async function trial(host: LinuxHost): Promise<string | undefined> {
  const name = `flprobe-${randomBytes(4).toString('hex')}`;
  try {
    await output(host, ['ip', 'netns', 'add', name]);
    await batch(
      host,
      [ip`link add name br0 type bridge`, ip`link add name v0 master br0 type veth peer name v1`],
      name,
    );
    await output(host, ['nft', '-f', '-'], { namespace: namespacePath(name), input: sample });
    return undefined;
  } catch (error) {
    return `network namespaces or nftables do not work here: ${messageOf(error)}`;
  } finally {
    await host.exec(['ip', 'netns', 'del', name]);
  }
}

const end = {
  ...{ hostName: 'v0', sandbox: 's', mac: '02:42:0a:00:00:02' },
  addresses: ['10.0.0.2/24', 'fd00::2/64'],
};
const sample = [
  renderFirewall('0000', {
    networks: [
      { bridge: 'br0', subnets: ['10.0.0.0/24', 'fd00::/64'], internal: false, masquerade: true, icc: true },
    ],
    nodes: ['192.0.2.1', '2001:db8::1'],
    opened: [{ family: 4, closed: ['v0'], advertised: [] }],
  }),
  renderSources('0000', sourceSets([end])),
].join('');
