import { runToEnd } from '../../../lib/child.ts';
import { Failure } from '../../failure.ts';

/** The Nth host's address on the wire (RFC 5737's documentation range), counted from 1. */
export function addressOf(number: number): string {
  return `192.0.2.${number}`;
}

/** The device that joins a host to the wire. */
export const wireDevice = 'up0';

/** The file of a network namespace, as `ip netns` keeps it. */
export function namespaceFile(name: string): string {
  return `/run/netns/${name}`;
}

/** The other end of a host's wire: a port of the bridge in the middle. */
export function portOf(number: number): string {
  return `port${number}`;
}

/**
 * Hosts are network namespaces, each with `up0` plugged into one bridge in a namespace of its own: `NAME-wire` in the
 * middle, `NAME-1` and so on. @throws Failure with `ip`'s message
 */
export async function layWires(name: string, count: number): Promise<void> {
  const middle = `${name}-wire`;
  await ip('netns', 'add', middle);
  await ip('-n', middle, 'link', 'add', 'name', 'wire', 'up', 'type', 'bridge');
  for (let number = 1; number <= count; number += 1) await plug(`${name}-${number}`, middle, number);
}

async function plug(host: string, middle: string, number: number): Promise<void> {
  await ip('netns', 'add', host);
  const peer = ['peer', 'name', wireDevice, 'netns', host];
  await ip('-n', middle, 'link', 'add', portOf(number), 'up', 'master', 'wire', 'type', 'veth', ...peer);
  await ip('-n', host, 'link', 'set', 'lo', 'up');
  await ip('-n', host, 'addr', 'add', `${addressOf(number)}/24`, 'dev', wireDevice);
  await ip('-n', host, 'link', 'set', wireDevice, 'up');
}

async function ip(...words: string[]): Promise<void> {
  const { code, stderr } = await runToEnd(['ip', ...words]);
  if (code !== 0) throw new Failure(`ip ${words.join(' ')}: ${stderr.trim()}`);
}
