import * as z from 'zod';

const limits = [
  ...['Memory', 'MemorySwap', 'MemoryReservation', 'NanoCpus', 'CpuShares', 'CpuPeriod', 'CpuQuota'],
  ...['CpusetCpus', 'CpusetMems', 'PidsLimit', 'BlkioWeight'],
];

/** A limit that is not kept must not be taken for one. */
export function limitWarnings(resources: unknown): string[] {
  const given = z.record(z.string(), z.unknown()).catch({}).parse(resources);
  const asked = limits.filter((name) => given[name] && given[name] !== -1);
  if (asked.length === 0) return [];
  return [`Resources are not limited: ${asked.join(', ')} discarded.`];
}
