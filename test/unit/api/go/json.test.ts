import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fitSchema, go } from '../../../../src/api/go/json.ts';
import { decodeJson } from '../../../../src/api/http/body.ts';

const messageOf = (run: () => unknown) => {
  try {
    return `no error: ${JSON.stringify(run())}`;
  } catch (error) {
    return error instanceof Error ? error.message : 'not an error';
  }
};

describe('JSON in the words of Go', () => {
  it.each([
    ['', 'empty'],
    ['{', 'unexpected EOF'],
    ['{"a":tru', 'unexpected EOF'],
    ['nope', "invalid character 'o' in literal null (expecting 'u')"],
    ['hello', "invalid character 'h' looking for beginning of value"],
    ['{a:1}', "invalid character 'a' looking for beginning of object key string"],
    ['{"a" 1}', "invalid character '1' after object key"],
    ['{"a":1 "b":2}', `invalid character '"' after object key:value pair`],
    ['[1 2]', "invalid character '2' after array element"],
    ['{"a":"\n"}', "invalid character '\\n' in string literal"],
    ['{"a":"\\x"}', "invalid character 'x' in string escape code"],
    ['{"a":-}', "invalid character '}' in numeric literal"],
  ])('%j: %s', (text, expected) => {
    expect(messageOf(() => decodeJson(text, 'empty'))).toBe(expected);
  });

  it('ignores what follows the first value', () => {
    expect(decodeJson('{"a":[1,{"b":null}]} trailing', '')).toEqual({ a: [1, { b: null }] });
    expect(decodeJson('12 13', '')).toBe(12);
  });

  it('gives the same value as JSON.parse whatever follows (property)', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), (value, rest) => {
        const text = JSON.stringify(value);
        expect(JSON.stringify(decodeJson(`${text} ${rest.replace(/^[\s\S]/, '!')}`, ''))).toBe(text);
      }),
    );
  });
});

describe('Go types', () => {
  const schema = go.object('pkg.Request', {
    Name: go.text(),
    Flags: go.textMap(),
    Inner: go.object('pkg.Inner', { List: go.list(go.object('pkg.Item', { N: go.int() }), '[]pkg.Item') }),
  });
  const zero = { Name: '', Flags: {}, Inner: { List: [] } };

  it('fills in zero values for absent and null members', () => {
    expect(fitSchema(schema, {}, 'pkg.Request')).toEqual(zero);
    expect(fitSchema(schema, null, 'pkg.Request')).toEqual(zero);
    expect(fitSchema(schema, { Name: null, Inner: null, Flags: null }, 'pkg.Request')).toEqual(zero);
  });

  it('matches member names without case', () => {
    expect(fitSchema(schema, { NAME: 'a', inner: { list: [{ n: 1 }] } }, 'pkg.Request')).toEqual({
      ...zero,
      Name: 'a',
      Inner: { List: [{ N: 1 }] },
    });
  });

  it.each([
    [[], 'json: cannot unmarshal array into Go value of type pkg.Request'],
    ['x', 'json: cannot unmarshal string into Go value of type pkg.Request'],
    [{ Name: 1 }, 'json: cannot unmarshal number into Go struct field Request.Name of type string'],
    [{ name: true }, 'json: cannot unmarshal bool into Go struct field Request.Name of type string'],
    [
      { Flags: { a: {} } },
      'json: cannot unmarshal object into Go struct field Request.Flags.a of type string',
    ],
    [{ Inner: [] }, 'json: cannot unmarshal array into Go struct field Request.Inner of type pkg.Inner'],
    [
      { Inner: { List: [{ N: 'x' }] } },
      'json: cannot unmarshal string into Go struct field Request.Inner.List.N of type int',
    ],
  ])('%j', (value, expected) => {
    expect(messageOf(() => fitSchema(schema, value, 'pkg.Request'))).toBe(expected);
  });
});
