import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Shares } from '../../../../src/dns/askers/shares.ts';

/** Takes until it is refused. @returns how many, and by which limit */
function fill(shares: Shares, asker: string | undefined, network: string) {
  for (let count = 0; ; count++) {
    const limit = shares.take({ ...(asker !== undefined && { asker }), network });
    if (limit) return { count, limit };
  }
}

describe('shares', () => {
  it('one asker has its limit, on however many networks it is', () => {
    const shares = new Shares({ total: 1024, perAsker: 128 });
    expect(fill(shares, 'a', 'foo')).toEqual({ count: 128, limit: 'asker' });
    expect(fill(shares, 'a', 'bar')).toEqual({ count: 0, limit: 'asker' });
    shares.giveBack({ asker: 'a', network: 'foo' });
    expect(fill(shares, 'a', 'bar')).toEqual({ count: 1, limit: 'asker' });
  });

  it('a network has half, and the host, which no other limit holds, as well', () => {
    expect(fill(new Shares({ total: 1024, perAsker: 128 }), undefined, 'host')).toEqual({
      count: 512,
      limit: 'network',
    });
    const shares = new Shares({ total: 1024, perAsker: 1024 });
    expect(fill(shares, 'a', 'foo').count).toBe(256);
    expect(fill(shares, undefined, 'host').count).toBeGreaterThan(300);
  });

  it('twenty greedy askers of one network leave some of it to the next, and more to other networks', () => {
    const shares = new Shares({ total: 1024, perAsker: 128 });
    for (let round = 0; round < 200; round++) {
      for (let n = 0; n < 20; n++) shares.take({ asker: `greedy ${n}`, network: 'foo' });
    }
    expect(fill(shares, 'next', 'foo').count).toBeGreaterThan(8);
    expect(fill(shares, 'elsewhere', 'bar')).toEqual({ count: 128, limit: 'asker' });
  });

  it('always gives whoever has nothing, while each takes what it can in turn', () => {
    const askers = fc.array(fc.record({ asker: fc.nat(30).map(String), network: fc.nat(5).map(String) }), {
      minLength: 1,
      maxLength: 2000,
    });
    fc.assert(
      fc.property(askers, (claimants) => {
        const shares = new Shares({ total: 256, perAsker: 32 });
        for (const { asker, network } of claimants) shares.take({ asker: `${asker}@${network}`, network });
        expect(shares.take({ asker: 'next', network: 'new' })).toBeUndefined();
        expect(shares.taken).toBeLessThan(256);
      }),
      { numRuns: 100 },
    );
  });

  it('forgets whoever has given all back', () => {
    const shares = new Shares({ total: 8, perAsker: 8 });
    shares.take({ asker: 'a', network: 'foo' });
    shares.giveBack({ asker: 'a', network: 'foo' });
    expect([shares.taken, shares.takenBy({ asker: 'a', network: 'foo' })]).toEqual([0, 0]);
  });
});
