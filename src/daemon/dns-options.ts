import type { DnsOptions } from '../dns/dns.ts';
import { joinHostPort } from '../lib/host-address.ts';
import type { DaemonConfig } from './config.ts';

export function dnsOptions({ dns }: DaemonConfig): DnsOptions {
  return {
    listen: dns.listen ? withPort(dns.listen) : 'none',
    ttl: dns.ttlSeconds,
    upstreams: dns.servers.map(withPort),
    maxInflight: dns.maxInflight,
    forwardSingleLabel: dns.forwardSingleLabel,
  };
}

function withPort({ address, port }: { readonly address: string; readonly port: number }): string {
  return joinHostPort(address, port);
}
