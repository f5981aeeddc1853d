import { describe, expect, it } from 'vitest';
import { computedValue, parseProperty } from '../../../src/apps/properties.ts';
import { appReport, globalReport } from '../../../src/apps/report.ts';

const set = (
  property: string,
  values: readonly string[],
  app: Readonly<Record<string, string>> = {},
  global: Readonly<Record<string, string>> = {},
) => parseProperty({ app, global, property, values }).value;
const setGlobal = (property: string, ...values: readonly string[]) =>
  parseProperty({ global: {}, property, values }).value;

describe('a network property', () => {
  it.each([
    ['attach-post-create', ['a', 'b'], 'a,b'],
    ['attach-post-deploy', ['a,b'], 'a,b'],
    ['attach-post-deploy', [], ''],
    ['initial-network', ['host'], 'host'],
    ['tld', ['svc.cluster.local'], 'svc.cluster.local'],
    ['bind-all-interfaces', ['true'], 'true'],
    ['static-web-listener', ['127.0.0.1'], '127.0.0.1'],
    ['static-web-listener', ['127.0.0.1:8080'], '127.0.0.1:8080'],
    ['static-web-listener', ['[::1]:8080'], '[::1]:8080'],
  ])('%s takes %j', (property, values, value) => {
    expect(set(property, values)).toBe(value);
  });

  it.each([
    ['attach-post-create', ['host'], 'Invalid network name specified for attach: host'],
    ['attach-post-deploy', ['a', 'bridge'], 'Invalid network name specified for attach: bridge'],
    ['attach-post-deploy', ['a', 'a'], 'Network name already associated with this app: a'],
    [
      'bind-all-interfaces',
      ['yes'],
      'Invalid bind-all-interfaces value specified, use either true or false: yes',
    ],
    [
      'tld',
      ['a b'],
      'Invalid tld specified: a b: use letters, digits, "_", "-" and ".", beginning and ending with a letter or digit',
    ],
    ['tld', ['.local'], 'Invalid tld specified: .local: it has an empty label'],
    ['tld', ['a', 'b'], 'Only one value can be specified for tld'],
    [
      'static-web-listener',
      ['nowhere'],
      'Invalid static-web-listener specified, use an address or address:port: nowhere',
    ],
    [
      'static-web-listener',
      ['127.0.0.1:0'],
      'Invalid static-web-listener specified, use an address or address:port: 127.0.0.1:0',
    ],
    [
      'static-web-listener',
      ['127.0.0.1:65536'],
      'Invalid static-web-listener specified, use an address or address:port: 127.0.0.1:65536',
    ],
    ['', [], 'No property specified'],
    [
      'colour',
      ['red'],
      'Invalid property specified, valid properties include: attach-post-create, attach-post-deploy, bind-all-interfaces, initial-network, static-web-listener, tld',
    ],
  ])('%s refuses %j', (property, values, message) => {
    expect(() => set(property, values)).toThrow(message);
  });

  it('refuses a network that another phase of the app has, by its own or the global word', () => {
    const taken = 'Network name already associated with this app: a';
    expect(() => set('attach-post-create', ['a'], { 'attach-post-deploy': 'b,a' })).toThrow(taken);
    expect(() => set('attach-post-deploy', ['a'], {}, { 'attach-post-create': 'a' })).toThrow(taken);
    expect(() => set('attach-post-deploy', ['a'], { 'initial-network': 'a' })).toThrow(taken);
    expect(() => set('initial-network', ['a'], { 'attach-post-create': 'a' })).toThrow(taken);
    // The app's own word stands before the global one.
    expect(
      set('attach-post-deploy', ['a'], { 'attach-post-create': 'b' }, { 'attach-post-create': 'a' }),
    ).toBe('a');
  });

  it('is global for all but the listener', () => {
    expect(setGlobal('tld', 'svc.cluster.local')).toBe('svc.cluster.local');
    expect(() => setGlobal('static-web-listener', '127.0.0.1')).toThrow(
      'Property cannot be specified globally',
    );
    expect(() => setGlobal('colour', 'red')).toThrow('Property cannot be specified globally');
  });

  it("is computed: the app's, else the global one, else the default", () => {
    expect(computedValue({ tld: 'a' }, { tld: 'b' }, 'tld')).toBe('a');
    expect(computedValue({}, { tld: 'b' }, 'tld')).toBe('b');
    expect(computedValue({}, {}, 'tld')).toBe('');
    expect(computedValue({}, {}, 'bind-all-interfaces')).toBe('false');
    expect(
      computedValue(
        { 'bind-all-interfaces': 'false' },
        { 'bind-all-interfaces': 'true' },
        'bind-all-interfaces',
      ),
    ).toBe('false');
  });
});

describe('the report', () => {
  it("has an app's flags in order, with the default where nobody set anything, as Dokku's page", () => {
    const report = appReport({ tld: 'own' }, { tld: 'all', 'initial-network': 'foo' }, []);
    expect(Object.entries(report)).toEqual([
      ['network-attach-post-create', ''],
      ['network-attach-post-deploy', ''],
      ['network-bind-all-interfaces', 'false'],
      ['network-computed-attach-post-create', ''],
      ['network-computed-attach-post-deploy', ''],
      ['network-computed-bind-all-interfaces', 'false'],
      ['network-computed-initial-network', 'foo'],
      ['network-computed-tld', 'own'],
      ['network-global-attach-post-create', ''],
      ['network-global-attach-post-deploy', ''],
      ['network-global-bind-all-interfaces', 'false'],
      ['network-global-initial-network', 'foo'],
      ['network-global-tld', 'all'],
      ['network-initial-network', ''],
      ['network-static-web-listener', ''],
      ['network-tld', 'own'],
      ['network-web-listeners', ''],
    ]);
  });

  it('shows no choice of the app where the global one holds', () => {
    const report = appReport({}, { 'bind-all-interfaces': 'true' }, []);
    expect(report['network-bind-all-interfaces']).toBe('');
    expect(report['network-computed-bind-all-interfaces']).toBe('true');
    expect(report['network-global-bind-all-interfaces']).toBe('true');
  });

  it('puts the static listener in the place of the real ones', () => {
    expect(appReport({ 'static-web-listener': '127.0.0.1:8080' }, {}, [])['network-web-listeners']).toBe(
      '127.0.0.1:8080',
    );
  });

  it('has the computed and global flags only where no app is meant', () => {
    expect(Object.keys(globalReport({}))).toEqual([
      'network-computed-attach-post-create',
      'network-computed-attach-post-deploy',
      'network-computed-bind-all-interfaces',
      'network-computed-initial-network',
      'network-computed-tld',
      'network-global-attach-post-create',
      'network-global-attach-post-deploy',
      'network-global-bind-all-interfaces',
      'network-global-initial-network',
      'network-global-tld',
    ]);
  });
});
