import { TestHost } from './namespace.ts';

/**
 * Hosts on one wire: a bridge in a namespace of its own, and each host's `up0` plugged into it, with
 * 192.0.2.N/24 and 2001:db8::N/64 for the Nth host, counted from 1.
 */
export class Underlay implements AsyncDisposable {
  readonly hosts: readonly TestHost[];
  readonly #middle: TestHost;

  private constructor(middle: TestHost, hosts: readonly TestHost[]) {
    this.#middle = middle;
    this.hosts = hosts;
  }

  static async create(count: number): Promise<Underlay> {
    const all = await Promise.all(Array.from({ length: count + 1 }, () => TestHost.create()));
    const [middle, ...hosts] = all;
    if (!middle) throw new Error('no namespace was made');
    const underlay = new Underlay(middle, hosts);
    await middle.run('ip', 'link', 'add', 'name', 'wire', 'up', 'type', 'bridge');
    for (const [index, host] of hosts.entries()) await underlay.#plug(host, index + 1);
    return underlay;
  }

  /** Counted from 1. */
  host(number: number): TestHost {
    const host = this.hosts[number - 1];
    if (!host) throw new Error(`there is no host ${number}`);
    return host;
  }

  /** Names of all namespaces, the wire's own included. */
  get namespaces(): readonly string[] {
    return [...this.hosts, this.#middle].map(({ name }) => name);
  }

  static address(number: number, family: 4 | 6 = 4): string {
    return family === 4 ? `192.0.2.${number}` : `2001:db8::${number}`;
  }

  async #plug(host: TestHost, number: number): Promise<void> {
    const [port, peer] = [`port${number}`, ['peer', 'name', 'up0', 'netns', host.name]];
    await this.#middle.run('ip', 'link', 'add', port, 'up', 'master', 'wire', 'type', 'veth', ...peer);
    await host.run('ip', 'addr', 'add', `${Underlay.address(number)}/24`, 'dev', 'up0');
    await host.run('ip', 'addr', 'add', `${Underlay.address(number, 6)}/64`, 'dev', 'up0', 'nodad');
    await host.run('ip', 'link', 'set', 'up0', 'up');
  }

  /** Takes the Nth host's wire away, or puts it back. */
  async wire(number: number, state: 'up' | 'down'): Promise<void> {
    await this.#middle.run('ip', 'link', 'set', `port${number}`, state);
  }

  /**
   * Loses every packet between two hosts without a word to either. On the wire: what its own nftables drops on the
   * way out a host's TCP knows of, and does not back off.
   */
  async cut(one: number, other: number): Promise<void> {
    await this.heal(one, other);
    const [a, b] = [Underlay.address(one), Underlay.address(other)];
    const rules = [`ip saddr ${a} ip daddr ${b} drop`, `ip saddr ${b} ip daddr ${a} drop`];
    await addTable(this.#middle, `bridge ${cutName(one)}`, ['type filter hook forward priority 0', ...rules]);
  }

  /** The other one takes no TCP from the first, and says so. */
  async refuse(one: number, other: number): Promise<void> {
    await this.heal(one, other);
    const rule = `ip saddr ${Underlay.address(one)} meta l4proto tcp reject with tcp reset`;
    await addTable(this.host(other), `inet ${cutName(one)}`, ['type filter hook input priority 0', rule]);
  }

  async heal(one: number, other: number): Promise<void> {
    await removeTable(this.#middle, `bridge ${cutName(one)}`);
    await removeTable(this.host(other), `inet ${cutName(one)}`);
  }

  /** The same, to be typed by hand. */
  wireCommand(number: number, state: 'up' | 'down'): string {
    return `nsenter --net=${this.#middle.path} ip link set port${number} ${state}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const all = [...this.hosts, this.#middle];
    const results = await Promise.allSettled(all.map((host) => host[Symbol.asyncDispose]()));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

function cutName(host: number): string {
  return `flt_cut_${host}`;
}

async function addTable(host: TestHost, table: string, chain: readonly string[]): Promise<void> {
  await host.run('nft', [`add table ${table} {`, 'chain cut {', ...chain, '}', '}', ''].join('\n'));
}

/** No error where there is none. */
async function removeTable(host: TestHost, table: string): Promise<void> {
  await host.run('nft', `add table ${table}; delete table ${table}`);
}
