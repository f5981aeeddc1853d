import { describe, expect, it } from 'vitest';
import { didYouMean, nearest } from '../../../src/lib/nearest.ts';

const commands = ['create', 'rm', 'ls', 'info', 'inspect', 'connect', 'disconnect', 'prune'];

describe('the word that was meant', () => {
  it.each([
    ['crate', 'create'],
    ['creaet', 'create'],
    ['CREAT', 'create'],
    ['sl', 'ls'],
    ['lss', 'ls'],
    ['disconect', 'disconnect'],
    ['dsiconnecct', 'disconnect'],
    ['insp', 'inspect'],
    ['con', 'connect'],
  ])('of %s is %s', (word, meant) => {
    expect(nearest(word, commands)).toBe(meant);
  });

  it.each(['frobnicate', 'x', '', 'create', 'pr', 'nope'])('of %j is none that is far, or itself', (word) => {
    expect(nearest(word, ['rm', 'create', 'none'])).toBe(undefined);
    expect(didYouMean(word, ['rm', 'create', 'none'])).toBe('');
  });

  it('is the nearest; of those that begin with the word, the shortest', () => {
    expect(nearest('web-1', ['web-10', 'web-2', 'web1'])).toBe('web-10');
    expect(nearest('net', ['network-alias', 'network'])).toBe('network');
    expect(nearest('my-service', ['other.foo', 'my-service.foo'])).toBe('my-service.foo');
  });
});
