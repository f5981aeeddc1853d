import { runToEnd, TestDaemon } from './daemon.ts';
import { DnsServer } from './dns-server.ts';
import { TestHost } from './namespace.ts';

/**
 * A host with a daemon; a neighbour that routes the host's networks to it; and a third machine that is the host's
 * upstream DNS server. The networks `open`, `inner` (internal), `over` (overlay) and `six` (with IPv6) have a container
 * each, called after them: `in-open` …
 */
export class DnsStage implements AsyncDisposable {
  private constructor(
    readonly host: TestHost,
    readonly neighbour: TestHost,
    readonly beyond: TestHost,
    readonly upstream: DnsServer,
    readonly daemon: TestDaemon,
  ) {}

  static async open(): Promise<DnsStage> {
    const [host, neighbour, beyond] = await Promise.all([
      TestHost.create(),
      TestHost.create(),
      TestHost.create(),
    ]);
    const device = 'up0';
    await host.wire({ device: 'lan0', address: '192.0.2.1/24' }, neighbour, {
      device,
      address: '192.0.2.9/24',
    });
    await host.wire({ device: 'wan0', address: '203.0.113.1/24' }, beyond, {
      device,
      address: '203.0.113.2/24',
    });
    await host.run('ip', 'addr', 'add', '2001:db8::1/64', 'dev', 'lan0', 'nodad');
    await neighbour.run('ip', 'addr', 'add', '2001:db8::9/64', 'dev', device, 'nodad');
    for (const subnet of ['172.16.0.0/12', '10.0.0.0/8']) {
      await neighbour.run('ip', 'route', 'add', subnet, 'via', '192.0.2.1');
    }
    await neighbour.run('ip', 'route', 'add', 'fd00:66::/64', 'via', '2001:db8::1');
    await host.run('ip', 'route', 'add', 'default', 'via', '203.0.113.2');
    const upstream = await DnsServer.start(beyond.path, '203.0.113.2');
    const flags = ['--dataplane', 'linux', '--dns', '203.0.113.2', '--advertise', '203.0.113.1'];
    const daemon = await TestDaemon.start({ namespace: host.path, flags });
    const stage = new DnsStage(host, neighbour, beyond, upstream, daemon);
    await stage.#populate();
    return stage;
  }

  async #populate(): Promise<void> {
    const networks = [
      ['open'],
      ['inner', '--internal'],
      ['over', '-d', 'overlay'],
      ['six', '--ipv6', '--subnet', '172.30.0.0/24', '--subnet', 'fd00:66::/64'],
    ];
    for (const [name = '', ...flags] of networks) {
      await this.daemon.ok('network', 'create', ...flags, name);
      await this.daemon.ok('run', '-d', '--name', `in-${name}`, '--net', name, 'web');
    }
  }

  /** An element of what `network inspect` shows. */
  async gateway(network: string, pool = 0): Promise<string> {
    return await this.daemon.ok(
      ...['network', 'inspect', '-f', `{{(index .IPAM.Config ${pool}).Gateway}}`, network],
    );
  }

  async address(container: string, network: string): Promise<string> {
    const format = `{{(index .NetworkSettings.Networks "${network}").IPAddress}}`;
    return await this.daemon.ok('inspect', '-f', format, container);
  }

  /** Path of the container's network namespace. */
  async namespaceOf(container: string): Promise<string> {
    const id = await this.daemon.ok('inspect', '-f', '{{.Id}}', container);
    const { stdout } = await this.daemon.inHost('ip', 'netns', 'list');
    const line = stdout.split('\n').find((one) => one.includes(id.slice(0, 12)));
    return `/run/netns/${line?.split(' ')[0]}`;
  }

  /** The RCODE, or `silence`; one second, one try. */
  async dig(namespace: string, ...words: readonly string[]): Promise<string> {
    const all = ['nsenter', `--net=${namespace}`, 'dig', '+time=1', '+tries=1', ...words];
    const { stdout } = await runToEnd(all);
    return /status: (\w+)/.exec(stdout)?.[1] ?? 'silence';
  }

  /** The nftables table of the daemon. */
  async table(): Promise<string> {
    const { stdout } = await this.daemon.inHost('nft', 'list', 'tables');
    return /fairlead_[0-9a-f]{4}/.exec(stdout)?.[0] ?? '';
  }

  async nft(...rules: readonly string[]): Promise<void> {
    for (const rule of rules) {
      const { code, stderr } = await this.daemon.inHost('nft', ...rule.split(' '));
      if (code !== 0) throw new Error(`nft ${rule}: ${stderr}`);
    }
  }

  /** The first defence away: the rule that drops what comes to a gateway by another device than its bridge. */
  async dropRule(): Promise<void> {
    await this.nft(`flush chain inet ${await this.table()} resolvers`);
  }

  /** The second away: to the responder the neighbour is the gateway itself. */
  async hideNeighbour(): Promise<void> {
    const chain = 'inet hide input { type nat hook input priority 100 ; }';
    const from = { ip: '192.0.2.9', ip6: '2001:db8::9' };
    await this.nft('add table inet hide', `add chain ${chain}`);
    for (const network of ['open', 'inner', 'over']) {
      const gateway = await this.gateway(network);
      await this.nft(
        `add rule inet hide input ip saddr ${from.ip} ip daddr ${gateway} snat ip to ${gateway}`,
      );
    }
    await this.nft(
      `add rule inet hide input ip6 saddr ${from.ip6} ip6 daddr fd00:66::1 snat ip6 to fd00:66::1`,
    );
  }

  async showNeighbour(): Promise<void> {
    await this.nft('delete table inet hide');
  }

  async metrics(): Promise<string> {
    return (await this.daemon.call('GET', '/metrics')).text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.daemon[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
    for (const host of [this.beyond, this.neighbour, this.host]) await host[Symbol.asyncDispose]();
  }
}
