import { describe, expect, it } from 'vitest';
import type { Attachment, Container } from '../../../../src/container/container.ts';
import { gatewayAttachment, routesFor } from '../../../../src/network/host/gateway.ts';
import { containerSpec } from '../../../rig/container-spec.ts';

/** A network by its name, the families that it leads out by, and the priority. */
type On = readonly [name: string, families: '4' | '6' | '46' | '', priority?: number];

function attachment([networkName, families, gatewayPriority = 0]: On): Attachment {
  const source = { kind: 'veth', hostName: 'v', bridge: 'b' } as const;
  return {
    ...{ network: `id of ${networkName}`, networkName, aliases: [], gatewayPriority },
    interface: {
      ...{ name: `eth-${networkName}`, source },
      ...(families.includes('4') ? { gateway: `4 of ${networkName}` } : {}),
      ...(families.includes('6') ? { gateway6: `fd00::${networkName}` } : {}),
    },
  };
}

function on(...places: readonly On[]): Container {
  return {
    ...{ id: 'c'.repeat(64), name: 'c1', created: '2024-01-01T00:00:00Z' },
    spec: containerSpec({ networkMode: { kind: 'network', network: 'x' } }),
    state: { status: 'running', pid: 1, exitCode: 0, startedAt: '', finishedAt: '', error: '' },
    attachments: places.map(attachment),
  };
}

/** Outcomes of moby 28's TestConnectWithPriority, TestGatewaySelection and TestDockerNetworkConnectDisconnectWithPortMapping. */
describe('the way out of a container', () => {
  it.each<readonly [string, readonly On[], string | undefined, string | undefined, string | undefined]>([
    ['the only one', [['a', '46']], 'a', 'a', 'a'],
    [
      'a higher priority, connected later',
      [
        ['a', '46'],
        ['b', '46', 100],
      ],
      'b',
      'b',
      'b',
    ],
    [
      'a negative priority',
      [
        ['a', '46'],
        ['b', '46', -100],
      ],
      'a',
      'a',
      'a',
    ],
    [
      'of equal priority the first by name',
      [
        ['b', '46', 10],
        ['a', '46', 10],
      ],
      'a',
      'a',
      'a',
    ],
    [
      'connected later, and first by name',
      [
        ['bridge', '4'],
        ['aaa', '4'],
      ],
      'aaa',
      undefined,
      'aaa',
    ],
    [
      'connected later, and last by name',
      [
        ['bridge', '4'],
        ['ccc', '4'],
      ],
      'bridge',
      undefined,
      'bridge',
    ],
    [
      'each family by another',
      [
        ['f4', '4'],
        ['f6', '6'],
      ],
      'f4',
      'f6',
      'f4',
    ],
    [
      'both families before one',
      [
        ['a', '4'],
        ['b', '46'],
      ],
      'b',
      'b',
      'b',
    ],
    [
      'both families, whatever the priority of one',
      [
        ['a', '4', 5],
        ['b', '46'],
      ],
      'b',
      'b',
      'b',
    ],
    [
      'never an internal one',
      [
        ['a', '', 200],
        ['b', '4'],
      ],
      'b',
      undefined,
      'b',
    ],
    ['none', [['a', '']], undefined, undefined, undefined],
  ])('%s', (_what, places, ipv4, ipv6, ports) => {
    const container = on(...places);
    const routes = routesFor(container);
    expect(routes.ipv4).toBe(ipv4 && `4 of ${ipv4}`);
    expect(routes.ipv6).toBe(ipv6 && `fd00::${ipv6}`);
    expect(gatewayAttachment(container)?.networkName).toBe(ports);
  });
});
