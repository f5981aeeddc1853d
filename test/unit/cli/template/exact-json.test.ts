import { describe, expect, it } from 'vitest';
import { parseExactly, stringifyExactly } from '../../../../src/cli/template/exact-json.ts';
import { sprintf } from '../../../../src/cli/template/printf.ts';

describe('JSON with integers of 64 bits', () => {
  it.each([
    '{"a":9223372036854775807,"b":[-9223372036854775808,1,2.5,1e+21,null,true]}',
    '{"text":"9223372036854775807","quoted":"\\"9223372036854775807\\"","path":"\\\\"}',
    String.raw`{"nul":"\u0000i9223372036854775807","also":"\u0000s","inside":"x\"\u0000i5\""}`,
    '{"9223372036854775807":"a key"}',
  ])('%s', (json) => {
    expect(stringifyExactly(parseExactly(json))).toBe(json);
  });

  it('are bigints only where a number would be another', () => {
    expect(parseExactly('[9007199254740991, 9007199254740993, 2.5]')).toEqual([
      9007199254740991,
      9007199254740993n,
      2.5,
    ]);
  });

  it('are printed as integers', () => {
    const time = 1796024496000000001n;
    expect(sprintf('%d %v %x %022d %T %f', [time, time, time, time, time, time])).toBe(
      '1796024496000000001 1796024496000000001 18ecc2c36bfae001 0001796024496000000001 int64 %!f(int64=1796024496000000001)',
    );
  });
});
