import { describe, expect, it } from 'vitest';
import { parseStoreSpec } from '../../../kvstore/remote/spec.ts';

const server = (host: string, port: number, secure = false) => ({ host, port, secure });

describe('--kv-store', () => {
  it.each([
    ['consul:localhost:8500', 'consul', [server('localhost', 8500)], 'fairlead/', 'consul:localhost:8500'],
    ['consul:localhost', 'consul', [server('localhost', 8500)], 'fairlead/', 'consul:localhost:8500'],
    ['etcd:10.0.0.1', 'etcd', [server('10.0.0.1', 2379)], 'fairlead/', 'etcd:10.0.0.1:2379'],
    ['zk:zoo-1', 'zookeeper', [server('zoo-1', 2181)], 'fairlead/', 'zookeeper:zoo-1:2181'],
    ['zookeeper://a:1,b:2', 'zookeeper', [server('a', 1), server('b', 2)], 'fairlead/', 'zookeeper:a:1,b:2'],
    [
      'etcd://a,b:99/x/y',
      'etcd',
      [server('a', 2379), server('b', 99)],
      'x/y/fairlead/',
      'etcd:a:2379,b:99/x/y',
    ],
    ['consul:h:8500/prefix/', 'consul', [server('h', 8500)], 'prefix/fairlead/', 'consul:h:8500/prefix'],
    ['consul:https://h:8501/p', 'consul', [server('h', 8501, true)], 'p/fairlead/', 'consul:h:8501/p'],
    ['ETCD:http://h', 'etcd', [server('h', 2379)], 'fairlead/', 'etcd:h:2379'],
    [
      'etcd:[::1]:2379,[fe80::1]',
      'etcd',
      [server('::1', 2379), server('fe80::1', 2379)],
      'fairlead/',
      'etcd:[::1]:2379,[fe80::1]:2379',
    ],
  ])('%s', (text, provider, servers, prefix, name) => {
    expect(parseStoreSpec(text)).toEqual({ provider, servers, prefix, name });
  });

  it.each([
    [
      'redis:localhost:6379',
      'unknown kv store provider "redis": use one of consul, etcd, zookeeper, as in consul:localhost:8500',
    ],
    [
      'localhost',
      'unknown kv store provider "localhost": use one of consul, etcd, zookeeper, as in consul:localhost:8500',
    ],
    ['', 'unknown kv store provider "": use one of consul, etcd, zookeeper, as in consul:localhost:8500'],
    [
      'consul:',
      'invalid kv store URL: "" is not a host and port; expected consul:localhost:8500[,HOST:PORT…][/PATH]',
    ],
    [
      'etcd:h:0',
      'invalid kv store URL: "h:0" is not a host and port; expected etcd:localhost:2379[,HOST:PORT…][/PATH]',
    ],
    [
      'etcd:h:65536',
      'invalid kv store URL: "h:65536" is not a host and port; expected etcd:localhost:2379[,HOST:PORT…][/PATH]',
    ],
    [
      'etcd:a,,b',
      'invalid kv store URL: "" is not a host and port; expected etcd:localhost:2379[,HOST:PORT…][/PATH]',
    ],
    [
      'zk:h:2181/a b',
      'invalid kv store URL: "a b" is not a path; expected zookeeper:localhost:2181[,HOST:PORT…][/PATH]',
    ],
    [
      'etcd://root:secret@h',
      'invalid kv store URL: user and password belong into --kv-store-opt; expected etcd:localhost:2379[,HOST:PORT…][/PATH]',
    ],
  ])('refuses "%s"', (text, message) => {
    expect(() => parseStoreSpec(text)).toThrow(expect.objectContaining({ kind: 'invalid', message }));
  });
});
