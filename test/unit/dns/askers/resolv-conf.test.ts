import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseResolvConf, parseServer } from '../../../../src/dns/askers/resolv-conf.ts';
import { UpstreamHealth } from '../../../../src/dns/forward/upstream-health.ts';
import { Upstreams } from '../../../../src/dns/forward/upstreams.ts';
import { cleanUps } from '../upstream-fixture.ts';

describe('resolv.conf', () => {
  it('is read as people write it', () => {
    const text = [
      '# nameserver 192.0.2.9',
      ';nameserver 192.0.2.9',
      '\tnameserver\t192.0.2.1   # home',
      'NameServer 2001:db8::1',
      'nameserver not-an-address',
      'nameserver',
      'search example.com',
      'options ndots:0 edns0',
      'nameserver fe80::1%eth0;x\r',
      'nameserver 192.0.2.4',
    ].join('\n');
    expect(parseResolvConf(text)).toEqual([
      { address: '192.0.2.1', port: 53 },
      { address: '2001:db8::1', port: 53 },
      { address: 'fe80::1%eth0', port: 53 },
    ]);
    expect(parseResolvConf('')).toEqual([]);
  });

  it('is read again when it changed, and remembered while it is away', () => {
    const directory = mkdtempSync(join(tmpdir(), 'flt-'));
    cleanUps.push(() => rmSync(directory, { recursive: true, force: true }));
    const resolvConf = join(directory, 'resolv.conf');
    let now = 0;
    const upstreams = new Upstreams(
      { resolvConf },
      () => false,
      new UpstreamHealth(() => {}),
      () => now,
    );
    expect(upstreams.all()).toEqual([]);
    writeFileSync(resolvConf, 'nameserver 192.0.2.1\n');
    expect(upstreams.all()).toEqual([]);
    now += 5000;
    expect(upstreams.all()).toEqual([{ address: '192.0.2.1', port: 53 }]);
    rmSync(resolvConf);
    now += 5000;
    expect(upstreams.all()).toEqual([{ address: '192.0.2.1', port: 53 }]);
  });

  it.each([
    ['192.0.2.1', '192.0.2.1', 53],
    ['192.0.2.1:5353', '192.0.2.1', 5353],
    ['192.0.2.1#5353', '192.0.2.1', 5353],
    ['2001:db8::1', '2001:db8::1', 53],
    ['[2001:db8::1]', '2001:db8::1', 53],
    ['[2001:db8::1]:5353', '2001:db8::1', 5353],
    ['2001:db8::1#5353', '2001:db8::1', 5353],
  ])('--dns %s', (text, address, port) => {
    expect(parseServer(text)).toEqual({ address, port });
  });

  it.each(['', 'localhost', '192.0.2.1:', '192.0.2.1:x', '192.0.2.1:70000', '192.0.2', '[192.0.2.1'])(
    '--dns %s is refused',
    (text) => {
      expect(() => parseServer(text)).toThrow(`invalid DNS server ${text}: expected ADDRESS[:PORT]`);
    },
  );
});
