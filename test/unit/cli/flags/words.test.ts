import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseWords } from '../../../../src/cli/flags/parse.ts';
import { list, number, text, toggle } from '../../../../src/cli/flags/spec.ts';
import { parseTime } from '../../../../src/cli/flags/time.ts';
import { filterQuery } from '../../../../src/cli/flags/values.ts';

const flags = {
  all: toggle('', { short: 'a' }),
  quiet: toggle('', { short: 'q' }),
  tty: toggle('', { short: 't' }),
  proxy: toggle('', { initial: true }),
  driver: text('', { short: 'd', initial: 'bridge' }),
  network: text('', { aliases: ['-net'] }),
  publish: list('', { short: 'p' }),
  subnet: list('', { commas: true }),
  n: number(''),
};

const parse = async (line: string) =>
  parseWords(
    line.split(' ').filter((word) => word !== ''),
    flags,
  );
const failing = (line: string) => expect(parse(line)).rejects;

describe('flags', () => {
  it('has Go-like values for what is not given', async () => {
    const { flags: values, given, args } = await parse('');
    expect(values).toEqual({
      all: false,
      quiet: false,
      tty: false,
      proxy: true,
      driver: 'bridge',
      network: '',
      publish: [],
      subnet: [],
      n: -1,
    });
    expect([given.size, args]).toEqual([0, []]);
  });

  it.each([
    ['-aqt', { all: true, quiet: true, tty: true }],
    ['-d overlay', { driver: 'overlay' }],
    ['-doverlay', { driver: 'overlay' }],
    ['-d=overlay', { driver: 'overlay' }],
    ['--driver=a=b', { driver: 'a=b' }],
    ['--driver -x', { driver: '-x' }],
    ['--driver=', { driver: '' }],
    ['-d one -d two', { driver: 'two' }],
    ['-ad overlay', { all: true, driver: 'overlay' }],
    ['-a=false', { all: false }],
    ['--proxy=0', { proxy: false }],
    ['-net foo', { network: 'foo' }],
    ['-net=foo', { network: 'foo' }],
    ['-p80:80 -p 1-2', { publish: ['80:80', '1-2'] }],
    ['--subnet 10.0.0.0/8,fd00::/8 --subnet x', { subnet: ['10.0.0.0/8', 'fd00::/8', 'x'] }],
    ['-n 3', { n: 3 }],
    ['-n=-2', { n: -2 }],
  ])('%s', async (line, expected) => {
    expect((await parse(line)).flags).toMatchObject(expected);
  });

  it('takes flags after arguments, unless the first argument ends them', async () => {
    expect((await parse('x -a y')).args).toEqual(['x', 'y']);
    const run = await parseWords(['-a', 'image', 'ls', '-q'], flags, false);
    expect([run.flags.quiet, run.args]).toEqual([false, ['image', 'ls', '-q']]);
    expect((await parse('-a -- -q')).args).toEqual(['-q']);
  });

  it('says what is wrong in the words of today', async () => {
    await failing('--bogus').toThrow('unknown flag: --bogus');
    await failing('--net foo').toThrow('unknown flag: --net');
    await failing('-ax').toThrow("unknown shorthand flag: 'x' in -ax");
    await failing('--driver').toThrow('flag needs an argument: --driver');
    await failing('-d').toThrow("flag needs an argument: 'd' in -d");
    await failing('-n x').toThrow(
      'invalid argument "x" for "-n" flag: strconv.ParseInt: parsing "x": invalid syntax',
    );
    await failing('-q=maybe').toThrow(
      'invalid argument "maybe" for "-q, --quiet" flag: strconv.ParseBool: parsing "maybe": invalid syntax',
    );
  });

  it('means the same in one cluster as apart', async () => {
    const letters = fc.uniqueArray(fc.constantFrom('a', 'q', 't'), { minLength: 1 });
    await fc.assert(
      fc.asyncProperty(letters, async (given) => {
        const apart = await parse(given.map((letter) => `-${letter}`).join(' '));
        expect((await parse(`-${given.join('')}`)).flags).toEqual(apart.flags);
      }),
      { numRuns: 30 },
    );
  });

  it('gives values through unchanged, whatever is in them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async (value) => {
        const { flags: values } = await parseWords(['--driver', value, `--publish=${value}`], flags);
        expect([values.driver, values.publish]).toEqual([value, [value]]);
      }),
      { numRuns: 200 },
    );
  });
});

describe('values', () => {
  it('reads filters', () => {
    const { filters = '' } = filterQuery('-f, --filter', [
      ...['driver=bridge', 'label=a=b', 'label!=c', 'driver=null'],
    ]);
    expect(JSON.parse(filters)).toEqual({
      driver: { bridge: true, null: true },
      label: { 'a=b': true },
      'label!': { c: true },
    });
    expect(filterQuery('-f, --filter', [])).toEqual({});
    expect(() => filterQuery('-f, --filter', ['bogus'])).toThrow(
      'invalid argument "bogus" for "-f, --filter" flag: bad format of filter (expected name=value)',
    );
  });

  it('reads times', () => {
    const now = Date.UTC(2026, 0, 2);
    expect(parseTime('since', '1700000000.5', now)).toBe('1700000000.5');
    expect(parseTime('since', '1h30m', now)).toBe(String(now / 1000 - 5400).concat('.000'));
    expect(parseTime('since', '2013-01-02T13:23:37Z', now)).toBe('1357133017.000');
    expect(() => parseTime('since', 'yesterday', now)).toThrow(
      'invalid argument "yesterday" for "--since" flag',
    );
  });
});
