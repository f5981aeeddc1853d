import { deepStrictEqual, match, notStrictEqual, ok, strictEqual } from 'node:assert/strict';
import { z } from 'zod';
import { Multihost, type Place } from '../rig/multihost.ts';
import type { TestHost } from '../rig/namespace.ts';
import { Pinger } from '../rig/pinger.ts';
import { Underlay } from '../rig/underlay.ts';
import { until } from '../rig/until.ts';
import { Capture, type Seen } from './capture.ts';
import { forgeriesSeen, intrude, watchForForgeries } from './intruder.ts';

const [plainPort, encryptedPort] = [4789, 4793];
const minuteMs = 60_000;

interface Member extends Place {
  readonly address: string;
  readonly mac: string;
}

/** Two hosts and a third that is no node, an encrypted network with two containers and a plain one beside it. */
export class Scenario implements AsyncDisposable {
  private constructor(
    private readonly rig: Multihost,
    private readonly secret: readonly [Member, Member],
    private readonly open: readonly [Member, Member],
  ) {}

  static async create(): Promise<Scenario> {
    const flags = ['--tunnel-key-lifetime', '1s'];
    const rig = await Multihost.create({ hosts: 2, store: 'etcd', leaseTtl: '30s', flags });
    await rig.on(1, 'network', 'create', '-d', 'overlay', '--opt', 'encrypted', 'secret');
    await rig.on(1, 'network', 'create', '-d', 'overlay', 'open');
    const members: Member[] = [];
    for (const [host, name, network] of [
      [1, 'web', 'secret'],
      [2, 'db', 'secret'],
      [1, 'web2', 'open'],
      [2, 'db2', 'open'],
    ] as const) {
      const place = await rig.run(host, name, '--net', network);
      const { addresses, address } = await rig.cluster
        .host(host)
        .link('eth0', `${place.namespace.slice(11)}`);
      members.push({ ...place, address: addresses[0]?.split('/')[0] ?? '', mac: address ?? '' });
    }
    const [a, b, c, d] = members;
    if (!a || !b || !c || !d) throw new Error('four containers were asked for');
    return new Scenario(rig, [a, b], [c, d]);
  }

  async namesAnswer(): Promise<void> {
    for (const [name, other] of [
      ['web', 'db'],
      ['web2', 'db2'],
    ] as const) {
      const ping = ['ping', '-n', '-c1', '-W5', other];
      const { code, stdout, stderr } = await this.rig.cluster
        .daemon(1)
        .run('fairlead', 'exec', name, ...ping);
      strictEqual(code, 0, `${stdout}${stderr}`);
    }
  }

  async wireCarriesOnlyEsp(): Promise<void> {
    const seen = await this.#captured(async () => {
      await this.#ping(this.secret, '-c10', '-i0.2', '-p', hex('SECRETSECRET'));
      await this.#ping(this.open, '-c10', '-i0.2', '-p', hex('PUBLICPUBLIC'));
    });
    for (const { esp, udp, contains } of seen) {
      deepStrictEqual([esp, udp(encryptedPort), udp(plainPort)], [20, 0, 20]);
      deepStrictEqual([contains('SECRETSECRET'), contains('PUBLICPUBLIC')], [false, true]);
    }
  }

  /** An inner packet of the MTU makes a frame of exactly the wire's, and is not cut in pieces. */
  async largestPacketFits(): Promise<void> {
    const { mtu } = await this.#host(1).link('eth0', this.secret[0].namespace.slice(11));
    strictEqual(mtu, 1416);
    const [seen] = await this.#captured(() => this.#ping(this.secret, '-c2', '-Mdo', `-s${mtu - 28}`));
    deepStrictEqual([seen?.esp, seen?.longest], [4, 1514]);
  }

  async forgeriesAreDropped(): Promise<void> {
    const vnis = await this.#vnis();
    for (const [[victim], port, vni, arrive] of [
      [this.open, plainPort, vnis.open, 10],
      [this.secret, encryptedPort, vnis.secret, 0],
      [this.secret, plainPort, vnis.secret, 0],
    ] as const) {
      await watchForForgeries(this.#host(1), victim.namespace.slice(11));
      for (const number of [3, 2]) {
        const target = { node: Underlay.address(1), mac: victim.mac, address: victim.address };
        await intrude(this.#host(3), { ...target, from: Underlay.address(number), port, vni });
      }
      strictEqual(await forgeriesSeen(this.#host(1), victim.namespace.slice(11)), arrive);
      await this.#host(1).runIn(victim.namespace.slice(11), 'nft', 'delete', 'table', 'inet', 'watch');
    }
  }

  async restartsLoseNothing(): Promise<string> {
    return await this.#whilePinging(async () => {
      for (const number of [2, 1]) {
        await this.rig.cluster.daemon(number).kill('SIGKILL');
        await this.rig.cluster.daemon(number).start();
      }
    });
  }

  /** Keys live for a second here, and so are replaced as soon as the last ones are in use everywhere. */
  async rotationLosesNothing(): Promise<string> {
    return await this.#whilePinging(async () => {
      for (const number of [1, 2]) {
        const before = await this.#sentUnder(number);
        await until(
          `host ${number} sends under a new key`,
          async () => {
            // Without a pause the machine, idle for minutes, would do nothing but look.
            await new Promise((resolve) => setTimeout(resolve, 2000));
            return await this.#sentUnder(number);
          },
          (spi) => spi !== before,
          10 * minuteMs,
        );
      }
    });
  }

  async withoutPoliciesNothingLeaves(): Promise<void> {
    await this.#host(1).run('ip', 'xfrm', 'policy', 'flush');
    const seen = await this.#captured(() => this.#ping(this.secret, '-c5', '-W1').catch(() => {}));
    for (const { udp } of seen) strictEqual(udp(encryptedPort), 0);
    await this.#doctorHeals(/by IPsec only/);
  }

  async withoutAssociationsNewOnesAreMade(): Promise<void> {
    const before = await this.#sentUnder(1);
    await this.#host(1).run('ip', 'xfrm', 'state', 'flush');
    await this.#doctorHeals(/IPsec association/);
    notStrictEqual(await this.#sentUnder(1), before);
  }

  async nothingIsLeft(): Promise<void> {
    await this.rig.on(1, 'rm', '-f', 'web');
    await this.rig.on(2, 'rm', '-f', 'db');
    for (const number of [1, 2]) {
      const listed = await Promise.all(
        ['state', 'policy'].map((what) => this.#host(number).run('ip', 'xfrm', what, 'list')),
      );
      deepStrictEqual(listed, ['', '']);
      ok(!(await this.#host(number).run('nft', 'list', 'ruleset')).includes('ipsec'));
    }
    const records = await this.rig.store.list('nodes/');
    strictEqual(records.length, 2);
    for (const { value } of records) ok(!value.includes('tunnelSecret'));
  }

  async keysAreInNoLog(): Promise<void> {
    for (const daemon of this.rig.cluster.daemons) {
      ok(!/0x[0-9a-f]{64}|tunnelSecret/.test(daemon.output), daemon.output);
    }
  }

  #host(number: number): TestHost {
    return this.rig.cluster.host(number);
  }

  async #ping([from, to]: readonly [Member, Member], ...flags: readonly string[]): Promise<void> {
    await this.#host(from.host).runIn(from.namespace.slice(11), 'ping', '-q', '-n', ...flags, to.address);
  }

  /** What went over the wires of both hosts meanwhile. */
  async #captured(act: () => Promise<void>): Promise<readonly Seen[]> {
    const captures = await Promise.all([1, 2].map((number) => Capture.start(this.#host(number))));
    await act();
    return await Promise.all(captures.map((capture) => capture.stop()));
  }

  /** What a slow machine loses, the plain network beside it loses as well. */
  async #whilePinging(act: () => Promise<void>): Promise<string> {
    const pingers = await Promise.all(
      [this.secret, this.open].map(([from, to]) => Pinger.start(from.namespace, to.address, 100)),
    );
    const capture = await Capture.start(this.#host(1));
    await act();
    const records = await Promise.all(pingers.map((pinger) => pinger.stop()));
    strictEqual((await capture.stop()).udp(encryptedPort), 0);
    const said = records.map(({ sent, received }) => `${received} of ${sent}`);
    const [lost = 0, lostBeside = 0] = records.map(({ sent, received }) => sent - received);
    ok(lost <= lostBeside + 1, `pings answered: ${said[0]}, on the plain network ${said[1]}`);
    return `pings answered: ${said[0]}, on the plain network ${said[1]}`;
  }

  async #doctorHeals(finding: RegExp): Promise<void> {
    const { stdout } = await this.rig.cluster.daemon(1).run('fairlead', 'doctor', '--repair');
    match(stdout, finding);
    await this.rig.meshOfAddresses([this.secret[0]], [this.secret[1].address], minuteMs);
  }

  /** The SPI of what the host sends to the other one. */
  async #sentUnder(number: number): Promise<string> {
    const ends = ['src', Underlay.address(number), 'dst', Underlay.address(3 - number)];
    const listed = await this.#host(number).run('ip', 'xfrm', 'state', 'list', 'nokeys', ...ends);
    return [...listed.matchAll(/spi (0x\w+)/g)].map(([, spi]) => spi).join(' ');
  }

  async #vnis(): Promise<{ readonly secret: number; readonly open: number }> {
    const schema = z.object({ name: z.string(), vni: z.number().optional() });
    const entries = await this.rig.store.list('networks/');
    const found = entries.map(({ value }) => schema.parse(JSON.parse(value)));
    const of = (wanted: string) => found.find(({ name }) => name === wanted)?.vni ?? 0;
    return { secret: of('secret'), open: of('open') };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.rig[Symbol.asyncDispose]();
  }
}

/** As ping takes a pattern. */
function hex(text: string): string {
  return Buffer.from(text).toString('hex');
}
