/** A Unix time in milliseconds as RFC 3339 with nanosecond digits and Z, as the Engine writes times. */
export function timestamp(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace('Z', '000000Z');
}

/** Go's RFC3339Nano, in which its JSON has times: a fraction without zeros at its end. */
export function rfc3339Nano(timestamp: string): string {
  return timestamp.replace(/\.(\d*?)0*(?=[Zz+-])/, (_, fraction: string) => (fraction ? `.${fraction}` : ''));
}

/** The Engine's way to say "never". */
export const never = '0001-01-01T00:00:00Z';
