import { describe, expect, it } from 'vitest';
import { extraHostText, parseExtraHost } from '../../../src/container/extra-host.ts';

/** Values of opts.ValidateExtraHost of Docker's CLI 28.5. */
describe('--add-host', () => {
  it.each([
    ['myhost:192.168.0.1', 'myhost:192.168.0.1'],
    ['myhost=192.168.0.1', 'myhost:192.168.0.1'],
    ['myhost=[192.168.0.1]', 'myhost:192.168.0.1'],
    ['host.and.domain.invalid:10.0.2.1', 'host.and.domain.invalid:10.0.2.1'],
    ['anipv6host:2003:ab34:e::1', 'anipv6host:2003:ab34:e::1'],
    ['anipv6host:[2003:ab34:e::1]', 'anipv6host:2003:ab34:e::1'],
    ['anipv6host=[2003:ab34:e::1]', 'anipv6host:2003:ab34:e::1'],
    ['ipv6local:::1', 'ipv6local:::1'],
    ['ipv6local=0:0:0:0:0:0:0:1', 'ipv6local:0:0:0:0:0:0:0:1'],
    ['x=host-gateway', 'x:host-gateway'],
    ['host.docker.internal:host-gateway', 'host.docker.internal:host-gateway'],
  ])('%s is %s', (text, expected) => {
    expect(extraHostText(parseExtraHost(text))).toBe(expected);
  });

  it.each([
    ['myhost:192.notanipaddress.1', 'invalid IP address in add-host: "192.notanipaddress.1"'],
    ['myhost=192.notanipaddress.1', 'invalid IP address in add-host: "192.notanipaddress.1"'],
    ['thathost-nosemicolon10.0.0.1', 'bad format for add-host: "thathost-nosemicolon10.0.0.1"'],
    ['anipv6host:::::1', 'invalid IP address in add-host: "::::1"'],
    ['ipv6addr=[::1', 'invalid IP address in add-host: "[::1"'],
    ['ipv6addr=::1]', 'invalid IP address in add-host: "::1]"'],
    ['myhost.invalid:', 'invalid IP address in add-host: ""'],
    ['myhost.invalid=', 'invalid IP address in add-host: ""'],
    ['', 'bad format for add-host: ""'],
    [':1.2.3.4', 'bad format for add-host: ":1.2.3.4"'],
  ])('%s is refused', (text, message) => {
    expect(() => parseExtraHost(text)).toThrow(message);
  });
});
