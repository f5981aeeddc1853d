import { describe, expect, it } from 'vitest';
import { type Claim, claimOf, DeadAddresses } from '../../../../src/network/addressing/dead-addresses.ts';

const id = (digit: string) => digit.repeat(64);
const folder = `addresses/${id('a')}/`;
const address = (last: number, record: unknown): Claim =>
  claimOf({
    key: `${folder}10.0.0.${last}`,
    value: typeof record === 'string' ? record : JSON.stringify(record),
    version: '1',
  });
const minutes = (count: number) => count * 60_000;
const holders = (living: { nodes?: string[]; endpoints?: string[]; services?: string[] } = {}) => ({
  nodes: new Set(living.nodes),
  endpoints: new Set(living.endpoints),
  services: new Set(living.services),
});
const ofDead = address(2, { owner: 'endpoint', id: id('e'), nodeId: id('1') });

function clock() {
  let now = 0;
  const pass = (milliseconds: number) => {
    now += milliseconds;
  };
  return { now: () => now, pass };
}

describe('addresses of a dead node', () => {
  it('are held for five minutes after its death was seen, and then freed', () => {
    const { now, pass } = clock();
    const dead = new DeadAddresses(now);
    expect(dead.expired(folder, [ofDead], holders({ nodes: [id('1')] }))).toEqual([]);
    pass(minutes(60));
    expect(dead.expired(folder, [ofDead], holders())).toEqual([]);
    pass(minutes(5) - 1);
    expect(dead.expired(folder, [ofDead], holders())).toEqual([]);
    pass(1);
    expect(dead.expired(folder, [ofDead], holders())).toEqual([ofDead]);
  });

  it('are held anew when it was back meanwhile, if only for a moment', () => {
    const { now, pass } = clock();
    const dead = new DeadAddresses(now);
    dead.expired(folder, [ofDead], holders());
    pass(minutes(4));
    expect(dead.expired(folder, [ofDead], holders({ nodes: [id('1')] }))).toEqual([]);
    pass(minutes(4));
    expect(dead.expired(folder, [ofDead], holders())).toEqual([]);
    pass(minutes(5));
    expect(dead.expired(folder, [ofDead], holders())).toEqual([ofDead]);
  });

  it('stay while their endpoint is there, and a service keeps its own whoever dies', () => {
    const { now, pass } = clock();
    const dead = new DeadAddresses(now);
    const ofService = address(3, { owner: 'service', id: id('5') });
    const living = holders({ endpoints: [id('e')], services: [id('5')] });
    dead.expired(folder, [ofDead, ofService], living);
    pass(minutes(10));
    expect(dead.expired(folder, [ofDead, ofService], living)).toEqual([]);
    dead.expired(folder, [ofService], holders());
    pass(minutes(5));
    expect(dead.expired(folder, [ofService], holders())).toEqual([ofService]);
  });

  it('that do not decode are left alone', () => {
    const { now, pass } = clock();
    const dead = new DeadAddresses(now);
    const odd = [address(4, '{"half'), address(5, { owner: 'nobody' })];
    dead.expired(folder, odd, holders());
    pass(minutes(10));
    expect(dead.expired(folder, odd, holders())).toEqual([]);
  });
});
