import { expect, it } from 'vitest';
import type { PortRule } from '../../../../../src/dataplane/firewall.ts';
import {
  parseFlows,
  portChanges,
  staleFlows,
} from '../../../../../src/dataplane/linux/firewall/stale-flows.ts';

const rule = (address: string, port: number, target: string): PortRule => ({
  published: { protocol: 'udp', address, port },
  target: { address: target, port: 53 },
  bridge: 'br0',
});

// As conntrack 1.4.7 prints them.
const listing = `\
udp      17 29 src=192.0.2.2 dst=192.0.2.1 sport=4000 dport=53 src=10.0.0.2 dst=192.0.2.2 sport=53 dport=4000 [ASSURED] mark=0 use=1
udp      17 29 src=192.0.2.3 dst=192.0.2.1 sport=4000 dport=53 [UNREPLIED] src=10.0.0.2 dst=192.0.2.3 sport=53 dport=4000 mark=0 use=1
udp      17 29 src=192.0.2.4 dst=192.0.2.1 sport=4000 dport=53 [UNREPLIED] src=192.0.2.1 dst=192.0.2.4 sport=53 dport=4000 mark=0 use=1
udp      17 29 src=10.0.0.9 dst=9.9.9.9 sport=4000 dport=53 src=9.9.9.9 dst=192.0.2.1 sport=53 dport=4000 mark=0 use=1
conntrack v1.4.7 (conntrack-tools): 4 flow entries have been shown.
`;
const own = new Set(['192.0.2.1']);
const stale = (changes: ReturnType<typeof portChanges>) =>
  staleFlows(parseFlows(listing), changes, 'udp', own).map(({ target }) => target);

it('forgets what led to a target that a rule no longer has, each kind once', () => {
  const changes = portChanges([rule('0.0.0.0', 53, '10.0.0.2')], []);
  expect(stale(changes)).toEqual(['10.0.0.2']);
});

it('forgets what leads elsewhere than a new rule, and nothing that only passes through', () => {
  const changes = portChanges([], [rule('0.0.0.0', 53, '10.0.0.3')]);
  expect(stale(changes)).toEqual(['10.0.0.2', '192.0.2.1']);
});

it('leaves alone what leads where the rule leads, and other addresses of the host', () => {
  expect(stale(portChanges([], [rule('192.0.2.1', 53, '10.0.0.2')]))).toEqual(['192.0.2.1']);
  expect(stale(portChanges([], [rule('192.0.2.9', 53, '10.0.0.3')]))).toEqual([]);
});

it('has nothing to do for rules that stay', () => {
  const rules = [rule('0.0.0.0', 53, '10.0.0.2')];
  expect(portChanges(rules, structuredClone(rules))).toEqual({ added: [], removed: [] });
});
