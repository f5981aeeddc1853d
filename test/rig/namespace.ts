import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { promisify } from 'node:util';
import { z } from 'zod';

const start = promisify(execFile);

/**
 * A host for tests: a network namespace `flt-…`, with `lo` up and nothing else. Disposing of it takes away
 * the namespace and every sandbox that a data plane with its `tag` made.
 */
export class TestHost implements AsyncDisposable {
  /** Of the node whose data plane works here. */
  readonly tag = randomBytes(2).toString('hex');
  readonly name = `flt-${randomBytes(4).toString('hex')}`;
  readonly path = `/run/netns/${this.name}`;

  static async create(): Promise<TestHost> {
    const host = new TestHost();
    await start('ip', ['netns', 'add', host.name]);
    await host.run('ip', 'link', 'set', 'lo', 'up');
    return host;
  }

  /** Standard output of a program run in the namespace, or in another one by name. Rejects when it fails. */
  async run(program: string, ...args: string[]): Promise<string> {
    return this.runIn(this.name, program, ...args);
  }

  async runIn(namespace: string, program: string, ...args: string[]): Promise<string> {
    const { stdout } = await start('nsenter', [`--net=/run/netns/${namespace}`, program, ...args]);
    return stdout;
  }

  /** Joins two hosts by a wire. Addresses with prefix length. */
  async wire(mine: { device: string; address: string }, other: TestHost, theirs: typeof mine): Promise<void> {
    const peer = ['peer', 'name', theirs.device, 'netns', other.name];
    await this.run('ip', 'link', 'add', mine.device, 'type', 'veth', ...peer);
    for (const [host, end] of [[this, mine] as const, [other, theirs] as const]) {
      await host.run('ip', 'addr', 'add', end.address, 'dev', end.device);
      await host.run('ip', 'link', 'set', end.device, 'up');
    }
  }

  /** Interfaces of the namespace, or of another one by name. */
  async links(namespace = this.name): Promise<readonly TestLink[]> {
    const shown = await this.runIn(namespace, 'ip', '-j', '-d', 'addr', 'show');
    return z.array(linkSchema).parse(JSON.parse(shown));
  }

  /** Names of all interfaces but `lo`. */
  async linkNames(namespace = this.name): Promise<readonly string[]> {
    return (await this.links(namespace)).map(({ ifname }) => ifname).filter((name) => name !== 'lo');
  }

  async link(name: string, namespace = this.name): Promise<TestLink> {
    const link = (await this.links(namespace)).find(({ ifname }) => ifname === name);
    if (!link) throw new Error(`no interface ${name} in ${namespace}`);
    return link;
  }

  /** Namespaces of this tag's sandboxes. */
  async sandboxes(): Promise<readonly string[]> {
    return (await readdir('/run/netns')).filter((name) => name.startsWith(`fl${this.tag}-`));
  }

  /** Goes on after a failure: a sandbox that would not go must not keep the host. */
  async [Symbol.asyncDispose](): Promise<void> {
    const names = [this.name, ...(await this.sandboxes())];
    const results = await Promise.allSettled(names.map((name) => start('ip', ['netns', 'del', name])));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }
}

const linkSchema = z
  .object({
    ifindex: z.number(),
    ifname: z.string(),
    flags: z.array(z.string()),
    mtu: z.number(),
    address: z.string().optional(),
    master: z.string().optional(),
    addr_info: z.array(z.object({ local: z.string(), prefixlen: z.number(), scope: z.string() })),
  })
  .transform(({ addr_info, ...link }) => ({
    ...link,
    up: link.flags.includes('UP'),
    /** With prefix length, link-local ones left out. */
    addresses: addr_info.filter(({ scope }) => scope === 'global').map((a) => `${a.local}/${a.prefixlen}`),
  }));

export type TestLink = z.infer<typeof linkSchema>;
