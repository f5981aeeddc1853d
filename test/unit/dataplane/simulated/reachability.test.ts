import { describe, expect, it } from 'vitest';
import type { NetworkRules } from '../../../../src/dataplane/firewall.ts';
import { hostSandbox } from '../../../../src/dataplane/sandboxes.ts';
import { createSimulatedDataplane } from '../../../../src/dataplane/simulated.ts';

/** Gateway modes in the model; by packets: e2e/gateway-modes.test.ts. */
describe('reachability of networks that are not plain NAT', () => {
  const rules = (number: number, more: Partial<NetworkRules>): NetworkRules => ({
    ...{
      bridge: `br${number}`,
      subnets: [`10.0.${number}.0/24`],
      masquerade: true,
      icc: true,
      internal: false,
    },
    ...more,
  });

  async function world(second: Partial<NetworkRules>) {
    const dataplane = createSimulatedDataplane();
    for (const number of [1, 2]) {
      const sandbox = String(number).repeat(64);
      await dataplane.ensureBridge({ name: `br${number}`, addresses: [`10.0.${number}.1/24`], mtu: 1500 });
      await dataplane.ensureSandbox(sandbox);
      await dataplane.plug(sandbox, {
        ...{ name: 'eth0', addresses: [`10.0.${number}.2/24`] },
        source: { kind: 'veth', hostName: `veth${number}`, bridge: `br${number}` },
      });
      await dataplane.setDefaultRoutes(sandbox, { ipv4: `10.0.${number}.1` });
    }
    const doors = [{ protocol: 'tcp', address: '10.0.2.2', port: 80 } as const];
    await dataplane.applyFirewall({ networks: [rules(1, {}), rules(2, second)], doors });
    return async (from: string, address: string, port?: number) =>
      (
        await dataplane.reach(from === 'host' ? hostSandbox : from.repeat(64), {
          address,
          ...(port === undefined ? {} : { port: { protocol: 'tcp', port } }),
        })
      ).reachable;
  }

  it('routed: echo and published ports from another network', async () => {
    const reach = await world({ ways: { 4: 'routed' } });
    expect(await reach('1', '10.0.2.2')).toBe(true);
    expect(await reach('1', '10.0.2.2', 80)).toBe(true);
    expect(await reach('1', '10.0.2.2', 81)).toBe(false);
    expect(await reach('2', '10.0.1.2', 80)).toBe(false);
  });

  it.each([
    {},
    { ways: { 4: 'nat-unprotected' } },
    { ways: { 6: 'routed' } },
    { ways: { 4: 'routed' }, internal: true },
  ] as const)('apart, as ever: %j', async (second) => {
    const reach = await world(second);
    expect(await reach('1', '10.0.2.2', 80)).toBe(false);
    expect(await reach('host', '10.0.2.2', 80)).toBe(true);
  });

  it('isolated: neither the host nor from the host, but for DNS', async () => {
    const reach = await world({ ways: { 4: 'isolated' }, internal: true });
    expect(await reach('host', '10.0.2.2', 80)).toBe(false);
    expect(await reach('2', '10.0.2.1')).toBe(false);
    expect(await reach('2', '10.0.2.1', 53)).toBe(true);
  });
});
