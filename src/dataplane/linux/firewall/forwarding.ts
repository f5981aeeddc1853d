import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import * as z from 'zod';
import type { Family } from '../../../lib/addresses.ts';
import type { Logger } from '../../../lib/log.ts';
import { isFairleadDevice, isInterfaceName, isOurDevice } from '../../names.ts';
import { output } from '../exec.ts';
import { type Link, linkSchema, query } from '../ip.ts';
import type { LinuxHost } from '../linux-host.ts';
import { writeSettings } from '../settings.ts';

const openedFamily = z.object({
  family: z.union([z.literal(4), z.literal(6)]),
  /** Interfaces that were there before: the host forwarded nothing between them. */
  closed: z.array(z.string()),
  /** Interfaces that take router advertisements though the host forwards now, for they did before. */
  advertised: z.array(z.string()),
});
/** A family that the host forwards since we have switched it on. */
export type OpenedFamily = Readonly<z.infer<typeof openedFamily>>;

const memorySchema = z.object({ since: z.string(), opened: z.array(openedFamily) });

/** Kinds of interface (ip-link(8)) whose makers have packets forwarded. */
export const routedKinds = 'bridge geneve gre ipip ipvlan macvlan tun veth vxlan wireguard xfrm'.split(' ');

const switches = { 4: 'ipv4/ip_forward', 6: 'ipv6/conf/all/forwarding' } as const;

export interface ForwardingOptions {
  readonly tag: string;
  readonly log: Logger;
  /** Path of the host's namespace. */
  readonly namespace: string;
  /** Where it is remembered what was before, across restarts; absent: nowhere. */
  readonly memory?: string;
}

/**
 * Whether the host forwards packets, which is one switch for all of it. Where it was off before our networks, they
 * alone are to have it: firewall.ts keeps it from everybody else, and it goes off with the last network that needs it.
 */
export class Forwarding {
  readonly #host: LinuxHost;
  readonly #options: ForwardingOptions;
  /** Those that were found on, or switched on. */
  readonly #on = new Set<Family>();
  #opened: readonly OpenedFamily[] | undefined;

  constructor(host: LinuxHost, options: ForwardingOptions) {
    this.#host = host;
    this.#options = options;
  }

  /** Changes nothing in the kernel. @returns all that are, or are about to be, on because of us: rules come first */
  async prepare(families: ReadonlySet<Family>): Promise<readonly OpenedFamily[]> {
    this.#opened ??= await this.#recall();
    for (const family of families) {
      if (this.#on.has(family) || this.#isOurs(family) || (await this.#isOn(family))) continue;
      await this.#remember([...this.#opened, await this.#lookAround(family)]);
    }
    return this.#opened;
  }

  /** After: the host forwards these. Prepared before. */
  async open(families: ReadonlySet<Family>): Promise<void> {
    for (const family of families) {
      if (this.#on.has(family)) continue;
      const ours = this.#opened?.find((one) => one.family === family);
      // First, or the default route that was learned is gone (ip-sysctl, accept_ra).
      if (ours) await this.#hear(ours.advertised, '1', '2');
      if (!(await this.#isOn(family))) await output(this.#host, tee(switches[family]), { input: '1' });
      this.#on.add(family);
    }
  }

  /** After: of what we have switched on only these families are. Rules that close it may go afterwards. */
  async release(needed: ReadonlySet<Family>): Promise<void> {
    this.#opened ??= await this.#recall();
    for (const ours of this.#opened.filter(({ family }) => !needed.has(family))) {
      const others = await this.#newcomers(ours);
      if (others.length > 0) {
        const why = `IPv${ours.family} forwarding is left on: ${others.join(', ')} came after it was switched on`;
        this.#options.log.warn(
          `${why}, and may need it; sysctl -w net.${switches[ours.family].replaceAll('/', '.')}=0`,
        );
      } else {
        await output(this.#host, tee(switches[ours.family]), { input: '0' });
        await this.#hear(ours.advertised, '2', '1');
      }
      await this.#remember(this.#opened.filter((one) => one !== ours));
      this.#on.delete(ours.family);
    }
  }

  #isOurs(family: Family): boolean {
    return this.#opened?.some((one) => one.family === family) ?? false;
  }

  async #isOn(family: Family): Promise<boolean> {
    return (await this.#read(switches[family])) !== '0';
  }

  async #lookAround(family: Family): Promise<OpenedFamily> {
    // Another daemon that starts at this moment needs forwarding as much as we do.
    const others = (await this.#others()).filter((link) => !isFairleadDevice(link));
    const names = others.map(({ ifname }) => ifname);
    const advertised: string[] = [];
    for (const name of family === 6 ? names : []) {
      if ((await this.#read(`ipv6/conf/${name}/accept_ra`)) === '1') advertised.push(name);
    }
    return { family, closed: names, advertised };
  }

  /** Interfaces that are neither ours nor, by a port's place in a bridge, not seen when a packet is forwarded. */
  async #others(): Promise<readonly Link[]> {
    const links = (await query(this.#host, z.array(linkSchema), ['-d', 'link', 'show'])) ?? [];
    return links
      .filter(
        (link) =>
          link.master === undefined && isInterfaceName(link.ifname) && !isOurDevice(this.#options.tag, link),
      )
      .filter(({ ifname }) => ifname !== 'lo');
  }

  /** Of somebody who has found forwarding on, and would miss it. */
  async #newcomers({ closed }: OpenedFamily): Promise<readonly string[]> {
    const routed = (await this.#others()).filter(({ linkinfo }) =>
      routedKinds.includes(linkinfo?.info_kind ?? '-'),
    );
    return routed.map(({ ifname }) => ifname).filter((name) => !closed.includes(name));
  }

  /** A forwarding host ignores router advertisements unless accept_ra is 2, and would lose its own way out. */
  async #hear(names: readonly string[], from: string, to: string): Promise<void> {
    for (const name of names) {
      const file = `ipv6/conf/${name}/accept_ra`;
      if ((await this.#read(file)) === from) await writeSettings(this.#host, [{ file, value: to }]);
    }
  }

  /** Undefined where there is no such file. */
  async #read(file: string): Promise<string | undefined> {
    const path = `/proc/sys/net/${file}`;
    if (this.#host.inHost) return (await readFile(path, 'utf8').catch(() => undefined))?.trim();
    const { code, stdout } = await this.#host.exec(['cat', path]);
    return code === 0 ? stdout.trim() : undefined;
  }

  /** What was switched on before this boot, or in another namespace, is not on any more. */
  async #since(): Promise<string> {
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => '');
    const { ino } = await stat(this.#options.namespace);
    return `${boot.trim()} ${ino}`;
  }

  async #recall(): Promise<readonly OpenedFamily[]> {
    const { memory } = this.#options;
    const text = memory === undefined ? undefined : await readFile(memory, 'utf8').catch(() => undefined);
    if (text === undefined) return [];
    try {
      const { since, opened } = memorySchema.parse(JSON.parse(text));
      return since === (await this.#since()) ? opened : [];
    } catch (error) {
      this.#options.log.warn(
        { err: error },
        `${memory} is damaged: what forwarding was before is not known, and is left as it is`,
      );
      return [];
    }
  }

  async #remember(opened: readonly OpenedFamily[]): Promise<void> {
    this.#opened = opened;
    const { memory } = this.#options;
    if (memory === undefined) return;
    if (opened.length === 0) return await rm(memory, { force: true });
    const text = JSON.stringify({ since: await this.#since(), opened });
    await writeFile(`${memory}.new`, text, { mode: 0o600 });
    await rename(`${memory}.new`, memory);
  }
}

function tee(file: string): readonly ['tee', string] {
  return ['tee', `/proc/sys/net/${file}`];
}
