import { describe, expect, it } from 'vitest';
import { decodeContainer } from '../../../src/container/records.ts';

/** Records as earlier versions wrote them are read for ever. */

const id = 'c'.repeat(64);
const networkId = 'a'.repeat(64);
const endpointId = 'e'.repeat(64);
const serviceId = 'b'.repeat(64);

/** Of 0.1.0, as its embedded store has it. */
const older = {
  id,
  name: 'web',
  created: '2026-05-01T10:00:00.000000000Z',
  spec: {
    ...{ name: 'web', image: 'x', command: ['sleep', '600'], env: [], workingDir: '', user: '' },
    ...{ hostname: '', domainname: '', tty: false, openStdin: false, labels: {} },
    ...{ networkMode: { kind: 'network', network: 'foo' }, dns: [], dnsSearch: [], dnsOptions: [] },
    ...{ extraHosts: [], exposedPorts: [{ protocol: 'tcp', port: 80 }], autoRemove: false },
    ...{ publishServices: [], extras: {}, memberships: [{ network: 'foo', aliases: ['w'] }] },
  },
  state: {
    ...{ status: 'running', pid: 42, exitCode: 0, error: '' },
    startedAt: '2026-05-01T10:00:01.000000000Z',
    finishedAt: '0001-01-01T00:00:00Z',
  },
  memberships: [
    {
      network: networkId,
      aliases: ['w'],
      driverOptions: { 'fairlead.dns.policy': 'ordered' },
      joined: {
        endpointId,
        interfaceName: 'eth0',
        source: { kind: 'veth', hostName: 'fl3a07eeeeeeeee', bridge: 'fl3a07-aaaaaaaa' },
        ipv4: '172.18.0.2/16',
        mac: '02:42:ac:12:00:02',
        gateway: '172.18.0.1',
        resolver: '172.18.0.1',
      },
    },
    { network: networkId, serviceId, aliases: [], joined: { endpointId: serviceId } },
    { network: 'later', aliases: [] },
  ],
};

describe("a container's record of 0.1.0", () => {
  const decoded = decodeContainer(JSON.stringify(older));

  it('says what the container is to be on, and what it has', () => {
    expect(decoded.spec.attachments).toEqual([{ network: 'foo', aliases: ['w'] }]);
    expect(decoded.attachments[0]).toEqual({
      network: networkId,
      aliases: ['w'],
      driverOptions: { 'fairlead.dns.policy': 'ordered' },
      endpoint: {
        ...{ id: endpointId, networkId, nodeId: '', containerId: id, containerName: 'web', name: 'web' },
        created: older.state.startedAt,
        ...{ ipv4: '172.18.0.2/16', mac: '02:42:ac:12:00:02', aliases: ['w'], dnsPolicy: 'ordered' },
        ports: [{ protocol: 'tcp', port: 80 }],
        healthy: true,
      },
      interface: {
        name: 'eth0',
        source: { kind: 'veth', hostName: 'fl3a07eeeeeeeee', bridge: 'fl3a07-aaaaaaaa' },
        ...{ gateway: '172.18.0.1', resolver: '172.18.0.1' },
      },
    });
    expect(decoded.attachments[1]).toMatchObject({ serviceId, endpoint: { id: serviceId, serviceId } });
    expect(decoded.attachments[2]).toEqual({ network: 'later', aliases: [] });
    expect(JSON.stringify(decoded)).not.toContain('memberships');
  });

  it('is read again as it is written from now on', () => {
    expect(decodeContainer(JSON.stringify(decoded))).toEqual(decoded);
  });
});
