import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { tableName } from '../../../src/dataplane/names.ts';
import { runToEnd } from '../../rig/daemon.ts';
import { HostCluster } from '../../rig/host-cluster.ts';
import { TestHost } from '../../rig/namespace.ts';
import { Underlay } from '../../rig/underlay.ts';
import { until } from '../../rig/until.ts';
import { type Attack, attackGroup, type Outcome } from './attack.ts';

const frames = fileURLToPath(new URL('../../../test/e2e/attacks/frames.py', import.meta.url));

/** A container, or a host, as packets see it. */
interface Station {
  readonly namespace: string;
  readonly mac: string;
  readonly ipv4: string;
  readonly ipv6: string;
}

/** How long an attacker goes on: caches hold what they have been told for a second (arp(7), locktime). */
const persistenceMs = 1_500;
/** And where nothing holds him off: a busy machine may be slow to let him succeed. */
const controlMs = 15_000;

/**
 * Two nodes; a host of their wire that is none; and one behind the first node, whose router that node is not. On the
 * first node a network with IPv6, one that the intruder is not on, the default one, and an overlay.
 */
class NetworkStage implements AsyncDisposable {
  private constructor(
    readonly cluster: HostCluster,
    private readonly behind: TestHost,
    readonly table: string,
    readonly places: ReadonlyMap<string, Station>,
    readonly bridges: ReadonlyMap<string, string>,
  ) {}

  static async open(): Promise<NetworkStage> {
    const behind = await TestHost.create();
    const cluster = await HostCluster.create({
      hosts: 2,
      store: 'etcd',
      flags: ['--dns-listen', 'none'],
      prepare: async (underlay) => await besideEachOther(underlay, behind),
    });
    const [first, second] = [cluster.daemon(1), cluster.daemon(2)];
    await first.ok(...'network create --ipv6 --subnet 172.30.9.0/24 --subnet fd00:9::/64 six'.split(' '));
    await first.ok(...'network create --subnet 172.30.8.0/24 secret'.split(' '));
    await first.ok(...'network create -d overlay --subnet 10.77.0.0/24 mh'.split(' '));
    await first.ok('run', '-d', '--name', 'plain', 'x');
    await first.ok('run', '-d', '--name', 'victim', '--net', 'six', 'x');
    await first.ok('network', 'connect', 'secret', 'victim');
    await first.ok('run', '-d', '--name', 'db', '--net', 'secret', 'x');
    await first.ok('run', '-d', '--name', 'intruder', '--net', 'six', 'x');
    await first.ok('run', '-d', '--name', 'near', '--net', 'mh', 'x');
    await second.ok('run', '-d', '--name', 'far', '--net', 'mh', 'x');
    const places = new Map<string, Station>();
    for (const [daemon, name] of [
      ...['plain', 'victim', 'intruder', 'near'].map((one) => [first, one] as const),
      [second, 'far'] as const,
    ]) {
      const id = await daemon.ok('inspect', '--format', '{{.Id}}', name);
      const tag = (await readFile(`${daemon.dataRoot}/node-id`, 'utf8')).slice(0, 4);
      places.set(name, await station(`/run/netns/fl${tag}-${id.slice(0, 12)}`, 'eth0'));
    }
    const tag = (await readFile(`${first.dataRoot}/node-id`, 'utf8')).slice(0, 4);
    const bridges = new Map<string, string>();
    for (const name of ['bridge', 'six', 'mh']) {
      const id = await first.ok('network', 'inspect', '--format', '{{.Id}}', name);
      bridges.set(name, `fl${tag}-${id.slice(0, 8)}`);
    }
    return new NetworkStage(cluster, behind, tableName(tag), places, bridges);
  }

  at(name: string): Station {
    const place = this.places.get(name);
    if (!place) throw new Error(`no container ${name}`);
    return place;
  }

  bridge(network: string): string {
    return this.bridges.get(network) ?? '';
  }

  /** Its bridge, as containers see it. */
  async gateway(network: string): Promise<Station> {
    return await station(this.host.path, this.bridge(network));
  }

  get host(): TestHost {
    return this.cluster.host(1);
  }

  get stranger(): TestHost {
    return this.cluster.host(3);
  }

  async from(namespace: string, ...words: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await runToEnd(['nsenter', `--net=${namespace}`, ...words]);
    if (code !== 0) throw new Error(`${words.join(' ')}: ${stderr}`);
    return stdout;
  }

  /** Packets of the attacker. */
  async forge(
    { namespace }: Pick<Station, 'namespace'>,
    verb: string,
    ...args: readonly string[]
  ): Promise<string> {
    return await this.from(namespace, 'python3', frames, verb, ...args);
  }

  /** The bridge sends a container's frames where it is, whatever it was told before. */
  async settle({ namespace, mac }: Station): Promise<void> {
    await this.forge({ namespace }, 'announce', 'eth0', mac);
  }

  async pings({ namespace }: Pick<Station, 'namespace'>, address: string): Promise<boolean> {
    const words = ['nsenter', `--net=${namespace}`, 'ping', '-n', '-q', '-c1', '-W1', address];
    return (await runToEnd(words)).code === 0;
  }

  /** Takes the rules away that hold containers to their own addresses. */
  async letThemForge(): Promise<void> {
    const table = `bridge ${this.table}`;
    await this.host.run('nft', `add table ${table}; delete table ${table}`);
  }

  async setting(namespace: string, file: string, value: string): Promise<void> {
    await this.from(namespace, 'sh', '-c', 'echo "$2" > "/proc/sys/net/$1"', 'sh', file, value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.cluster[Symbol.asyncDispose]();
    await this.behind[Symbol.asyncDispose]();
  }
}

/** The third host and the one behind take the first node for their router. */
async function besideEachOther(underlay: Underlay, behind: TestHost): Promise<void> {
  const [first, stranger] = [underlay.host(1), underlay.host(3)];
  const far = { device: 'up0', address: '198.51.100.2/24' };
  await first.wire({ device: 'lan0', address: '198.51.100.1/24' }, behind, far);
  for (const [host, device, address] of [
    [first, 'lan0', '2001:db8:a::1/64'],
    [behind, 'up0', '2001:db8:a::2/64'],
  ] as const)
    await host.run('ip', 'addr', 'add', address, 'dev', device, 'nodad');
  for (const file of ['ipv4/ip_forward', 'ipv6/conf/all/forwarding'])
    await first.run('sh', '-c', `echo 0 > /proc/sys/net/${file}`);
  await behind.run('ip', 'route', 'add', 'default', 'via', '198.51.100.1');
  await behind.run('ip', '-6', 'route', 'add', 'default', 'via', '2001:db8:a::1');
  await stranger.run('ip', 'route', 'add', '198.51.100.0/24', 'via', Underlay.address(1));
  await stranger.run('ip', '-6', 'route', 'add', '2001:db8:a::/64', 'via', Underlay.address(1, 6));
}

async function station(namespace: string, device: string): Promise<Station> {
  const { stdout } = await runToEnd([
    'nsenter',
    `--net=${namespace}`,
    'ip',
    '-o',
    'addr',
    'show',
    'dev',
    device,
  ]);
  const { stdout: link } = await runToEnd([
    'nsenter',
    `--net=${namespace}`,
    'ip',
    '-o',
    'link',
    'show',
    device,
  ]);
  return {
    namespace,
    mac: /link\/ether (\S+)/.exec(link)?.[1] ?? '',
    ipv4: /inet ([\d.]+)/.exec(stdout)?.[1] ?? '',
    ipv6: /inet6 (fd[\da-f:]+)/.exec(stdout)?.[1] ?? '',
  };
}

/** Tries again and again; whether it ever succeeds. */
async function persist(attempt: () => Promise<string | undefined>, otherwise: string): Promise<Outcome> {
  const end = performance.now() + persistenceMs;
  do {
    const seen = await attempt();
    if (seen !== undefined) return { succeeded: true, seen };
  } while (performance.now() < end);
  return { succeeded: false, seen: otherwise };
}

/** A row whose control takes the defence away and does the same. */
function row(
  name: string,
  attempt: (stage: NetworkStage) => Promise<Outcome>,
  undefend: (stage: NetworkStage) => Promise<unknown>,
): Attack<NetworkStage> {
  return {
    name,
    attempt,
    async control(stage) {
      const end = performance.now() + controlMs;
      // Again each time: the daemon's look of every minute puts the defence back.
      for (;;) {
        await undefend(stage);
        const outcome = await attempt(stage);
        if (outcome.succeeded || performance.now() >= end) return outcome;
      }
    },
  };
}

/** Which MAC `who` has for the address. */
async function neighbour(stage: NetworkStage, who: string, address: string): Promise<string> {
  return /lladdr (\S+)/.exec(await stage.from(who, 'ip', 'neigh', 'show', address))?.[1] ?? '';
}

/** Router advertisements from a container of the network, plain and hidden: does the host take the route? */
function advertisement(network: string, container: string): Attack<NetworkStage> {
  return row(
    `the host's IPv6 default route by a router advertisement on ${network}`,
    async (stage) => {
      for (const hidden of ['', 'extension', 'vlan'])
        await stage.forge(stage.at(container), 'advertise', 'eth0', 'fe80::bad', hidden);
      const routes = await stage.host.run('ip', '-6', 'route', 'show', 'default');
      await stage.host.run('ip', '-6', 'route', 'flush', 'default', 'proto', 'ra');
      return { succeeded: routes.includes(stage.bridge(network)), seen: routes.trim() || 'no route' };
    },
    async (stage) => {
      await stage.letThemForge();
      const router = 'icmpv6 type nd-router-advert accept';
      await stage.host.run('nft', `insert rule inet ${stage.table} input ${router}`);
      const conf = `ipv6/conf/${stage.bridge(network)}`;
      await stage.setting(stage.host.path, `${conf}/disable_ipv6`, '0');
      await stage.setting(stage.host.path, `${conf}/accept_ra`, '2');
    },
  );
}

/** What a listener hears while something is sent to it. */
async function overheard(
  stage: NetworkStage,
  { namespace, ipv4 }: Station,
  sendIt: () => Promise<unknown>,
): Promise<Outcome> {
  const hears = () => stage.forge({ namespace }, 'listen', ipv4, '9999', '30');
  const heard = hears();
  await until(
    'a listener',
    () => stage.from(namespace, 'ss', '-Hlun', 'sport', '=', ':9999'),
    (text) => text !== '',
  );
  await sendIt();
  await stage.forge({ namespace }, 'finish', ipv4, '9999');
  const text = (await heard).trim().split('\n').at(-1) ?? '';
  return { succeeded: text.startsWith('forged'), seen: text };
}

function transit(family: 'IPv4' | 'IPv6', target: string): Attack<NetworkStage> {
  return row(
    `${family} from one neighbour of the host to another, through it`,
    async (stage) => {
      const passed = await stage.pings({ namespace: stage.stranger.path }, target);
      return { succeeded: passed, seen: passed ? 'answered' : 'no answer' };
    },
    (stage) => stage.host.run('nft', `flush set inet ${stage.table} opened`),
  );
}

const attacks: readonly Attack<NetworkStage>[] = [
  advertisement('bridge', 'plain'),
  advertisement('six', 'intruder'),
  advertisement('mh', 'near'),
  row(
    "a neighbour's address at the host, by ARP",
    async (stage) => {
      const [victim, gateway] = [stage.at('victim'), await stage.gateway('six')];
      await stage.pings({ namespace: stage.host.path }, victim.ipv4);
      return await persist(async () => {
        for (const vlan of ['', '0'])
          await stage.forge(
            stage.at('intruder'),
            'claim',
            'eth0',
            victim.ipv4,
            gateway.mac,
            gateway.ipv4,
            vlan,
          );
        const known = await neighbour(stage, stage.host.path, victim.ipv4);
        return known === stage.at('intruder').mac ? `the host has ${known}` : undefined;
      }, "the host has the neighbour's own MAC");
    },
    (stage) => stage.letThemForge(),
  ),
  row(
    "a neighbour's address at a third container, by ARP",
    async (stage) => {
      const [victim, gateway] = [stage.at('victim'), await stage.gateway('six')];
      await stage.pings(victim, gateway.ipv4);
      return await persist(async () => {
        await stage.forge(stage.at('intruder'), 'claim', 'eth0', gateway.ipv4, victim.mac, victim.ipv4);
        const known = await neighbour(stage, victim.namespace, gateway.ipv4);
        return known === stage.at('intruder').mac ? `it has ${known} for its gateway` : undefined;
      }, "it has its gateway's own MAC");
    },
    (stage) => stage.letThemForge(),
  ),
  row(
    "a neighbour's names, by ARP and a question in its name",
    async (stage) => {
      const [victim, gateway] = [stage.at('victim'), await stage.gateway('six')];
      return await persist(async () => {
        const ask = ['eth0', gateway.mac, gateway.ipv4, victim.ipv4, 'db'];
        const answer = await stage.forge(stage.at('intruder'), 'ask', ...ask);
        return answer.trim() ? `db is at 0x${answer.trim()}` : undefined;
      }, 'no answer');
    },
    (stage) => stage.letThemForge(),
  ),
  row(
    "a neighbour's address, by neighbour advertisement",
    async (stage) => {
      const [victim, gateway] = [stage.at('victim'), await stage.gateway('six')];
      await stage.pings({ namespace: stage.host.path }, victim.ipv6);
      return await persist(async () => {
        for (const source of [stage.at('intruder').ipv6, victim.ipv6])
          await stage.forge(
            stage.at('intruder'),
            'claim6',
            'eth0',
            victim.ipv6,
            gateway.mac,
            gateway.ipv6,
            source,
          );
        const known = await neighbour(stage, stage.host.path, victim.ipv6);
        return known === stage.at('intruder').mac ? `the host has ${known}` : undefined;
      }, "the host has the neighbour's own MAC");
    },
    (stage) => stage.letThemForge(),
  ),
  row(
    "a neighbour's frames, by its MAC",
    async (stage) => {
      const { mac, namespace } = stage.at('victim');
      const gateway = await stage.gateway('six');
      const portOf = async () => {
        const known = await stage.host.run('bridge', 'fdb', 'show', 'br', stage.bridge('six'));
        return new RegExp(`^${mac} dev (\\S+) master`, 'm').exec(known)?.[1];
      };
      await stage.pings({ namespace }, gateway.ipv4);
      const own = await portOf();
      await stage.forge(stage.at('intruder'), 'announce', 'eth0', mac);
      const now = await portOf();
      return {
        succeeded: own !== undefined && now !== own,
        seen: `${now === own ? 'still' : 'now'} at ${now}`,
      };
    },
    (stage) => stage.letThemForge(),
  ),
  row(
    "a neighbour's traffic, by an ICMP redirect in its gateway's name",
    async (stage) => {
      const [victim, intruder, gateway] = [
        stage.at('victim'),
        stage.at('intruder'),
        await stage.gateway('six'),
      ];
      await stage.settle(victim);
      return await persist(async () => {
        const lie = [gateway.ipv4, victim.mac, victim.ipv4, '203.0.113.5', intruder.ipv4];
        await stage.forge(intruder, 'redirect', 'eth0', ...lie);
        const route = await stage.from(victim.namespace, 'ip', 'route', 'get', '203.0.113.5');
        return route.includes(`via ${intruder.ipv4}`) ? `via ${intruder.ipv4}` : undefined;
      }, 'via the gateway');
    },
    async (stage) => {
      await stage.letThemForge();
      // A new namespace takes these over from the machine's own, which may forward.
      const { namespace } = stage.at('victim');
      await stage.setting(namespace, 'ipv4/ip_forward', '0');
      await stage.setting(namespace, 'ipv4/conf/all/accept_redirects', '1');
    },
  ),
  row(
    "a neighbour's traffic, by an ICMPv6 redirect in its gateway's name",
    async (stage) => {
      const [victim, intruder] = [stage.at('victim'), stage.at('intruder')];
      await stage.settle(victim);
      const [target, own] = ['2001:db8:5::5', linkLocalOf(intruder.mac)];
      await stage.from(victim.namespace, ...`ip -6 route replace ${target} via fe80::1 dev eth0`.split(' '));
      return await persist(async () => {
        await stage.forge(intruder, 'redirect6', 'eth0', 'fe80::1', victim.mac, victim.ipv6, target, own);
        const route = await stage.from(victim.namespace, 'ip', '-6', 'route', 'get', target);
        return route.includes(`via ${own}`) ? `via ${own}` : undefined;
      }, 'via the gateway');
    },
    async (stage) => {
      await stage.letThemForge();
      await stage.setting(stage.at('victim').namespace, 'ipv6/conf/eth0/accept_redirects', '1');
    },
  ),
  row(
    'a datagram from an address that is not the sender’s',
    async (stage) => {
      const [victim, intruder] = [stage.at('victim'), stage.at('intruder')];
      await stage.settle(victim);
      return await overheard(stage, victim, () =>
        stage.forge(intruder, 'datagram', 'eth0', '172.30.9.77', victim.mac, victim.ipv4, '9999'),
      );
    },
    (stage) => stage.letThemForge(),
  ),
  row(
    'a datagram into an overlay, from a host that is no node',
    async (stage) => {
      const [near, far] = [stage.at('near'), stage.at('far')];
      const inner = ['udp', far.mac, far.ipv4, near.mac, near.ipv4, '9999'];
      return await overheard(stage, near, async () => {
        const vni = await vniOf(stage);
        const { path: namespace } = stage.stranger;
        await stage.forge({ namespace }, 'tunnel', Underlay.address(3), Underlay.address(1), vni, ...inner);
      });
    },
    (stage) => letStrangerIn(stage),
  ),
  row(
    'to cut a connection on an overlay by forged ARP, from a host that is no node',
    async (stage) => {
      const [near, far] = [stage.at('near'), stage.at('far')];
      const inner = ['arp', '02:42:ba:d0:00:01', far.ipv4, near.mac, near.ipv4];
      await until('the two reach each other', () => stage.pings(near, far.ipv4));
      return await persist(async () => {
        const vni = await vniOf(stage);
        const { path: namespace } = stage.stranger;
        await stage.forge({ namespace }, 'tunnel', Underlay.address(3), Underlay.address(1), vni, ...inner);
        return (await stage.pings(near, far.ipv4)) ? undefined : 'the two do not reach each other any more';
      }, 'the two reach each other');
    },
    (stage) => letStrangerIn(stage),
  ),
  transit('IPv4', '198.51.100.2'),
  transit('IPv6', '2001:db8:a::2'),
];

async function vniOf({ host }: NetworkStage): Promise<string> {
  return /vxlan id (\d+)/.exec(await host.run('ip', '-d', 'link', 'show', 'type', 'vxlan'))?.[1] ?? '';
}

async function letStrangerIn({ host, table }: NetworkStage): Promise<void> {
  await host.run('nft', `add element inet ${table} nodes4 { ${Underlay.address(3)} }`);
}

/** RFC 4291 appendix A, of the MACs that we give. */
function linkLocalOf(mac: string): string {
  const [, b, c, d, e, f] = mac.split(':');
  const group = (text: string) => Number.parseInt(text, 16).toString(16);
  return `fe80::${group(`00${b}`)}:${group(`${c}ff`)}:${group(`fe${d}`)}:${group(`${e}${f}`)}`;
}

export const networkAttacks = attackGroup('on the network', () => NetworkStage.open(), attacks);
