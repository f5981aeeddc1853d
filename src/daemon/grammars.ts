import * as z from 'zod';
import { parseStoreSpec } from '../../kvstore/remote/spec.ts';
import { contains, isAddress, parseAddress, parseSubnet } from '../lib/addresses.ts';
import { messageOf } from '../lib/errors.ts';
import { parseHostAddress } from '../lib/host-address.ts';

/** The value grammars of the daemon's settings, each a zod codec from text; messages say what was expected. */

/** A schema from a parser that throws: its message becomes the issue. */
function parsedBy<T>(parse: (text: string) => T) {
  return z.string().transform((value, context): T => {
    try {
      return parse(value);
    } catch (error) {
      context.issues.push({ code: 'custom', message: messageOf(error), input: value });
      return z.NEVER;
    }
  });
}

export const hostAddress = parsedBy(parseHostAddress);

/** Of a Host header, without the port. */
export const hostName = z
  .string()
  .regex(/^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$/, 'expected a host name, without a port');

/** `DRIVER:NETWORK`; the first colon splits (docker-facts 1.6). */
export const defaultNetwork = parsedBy((value) => {
  const [driver, name] = splitAt(value, ':');
  if (!driver || !name) {
    throw new Error('default network daemon config must be of the form NETWORKDRIVER:NETWORKNAME');
  }
  return { driver, name };
});

/** `PROVIDER:URL[,URL…][/PREFIX]`, also `PROVIDER://URL` as `--cluster-store` wrote it; kept as typed. */
export const kvStore = parsedBy((value) => {
  parseStoreSpec(value);
  return value;
});

export const keyValue = parsedBy((value): readonly [string, string] => {
  const [key, rest] = splitAt(value, '=');
  if (!key || rest === undefined) throw new Error('expected KEY=VALUE');
  return [key, rest];
});

export const engine = parsedBy((value) => {
  if (value === 'auto' || value === 'none') return { kind: value } as const;
  const address = value.startsWith('unix://') ? parseHostAddress(value) : undefined;
  if (address?.kind !== 'unix') throw new Error('expected auto, none or unix:///PATH');
  return { kind: 'socket', path: address.path } as const;
});

/** `/PATH/NAME.sock` or `none`; an Engine knows the plugin by NAME. */
export const pluginSocket = parsedBy((value) => {
  if (value === 'none') return { kind: value } as const;
  const name = /^\/(?:.*\/)?([A-Za-z0-9][A-Za-z0-9_.-]*)\.sock$/.exec(value)?.[1];
  if (name === undefined) throw new Error('expected /PATH/NAME.sock or none');
  return { kind: 'socket', path: value, name } as const;
});

/** `ADDRESS:PORT`, `[ADDRESS6]:PORT` or `none`. */
export const dnsListen = parsedBy((value) => {
  if (value === 'none') return undefined;
  const match = /^\[?([0-9a-fA-F.:]+?)\]?:(\d{1,5})$/.exec(value);
  const [, address = '', port = ''] = match ?? [];
  if (!isAddress(address) || Number(port) > 65535) throw new Error('expected ADDRESS:PORT or none');
  return { address: parseAddress(address), port: Number(port) };
});

/** A resolver: an address, with `#PORT` where it is not 53 (as dnsmasq writes it). */
export const dnsServer = parsedBy((value) => {
  const [address, port] = splitAt(value, '#');
  if (!isAddress(address) || (port !== undefined && !isPort(port)))
    throw new Error('expected ADDRESS or ADDRESS#PORT');
  return { address: parseAddress(address), port: port === undefined ? 53 : Number(port) };
});

/** Seconds: `15`, `15s`, `1500ms`, `2m`. */
export const duration = parsedBy((value) => {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(value);
  const unit = { ms: 0.001, s: 1, m: 60 }[match?.[2] ?? 's'] ?? 1;
  const seconds = Number(match?.[1]) * unit;
  if (!match || seconds < 1 || seconds > 3600) throw new Error('expected a time from 1s to 60m, such as 15s');
  return seconds;
});

/** `base=10.0.0.0/8,size=24`, as dockerd takes it. */
export const addressPool = parsedBy((value) => {
  const match = /^base=([^,]+),size=(\d{1,3})$/.exec(value);
  if (!match) throw new Error('expected base=CIDR,size=BITS');
  const base = parseSubnet(match[1] ?? '');
  const size = Number(match[2]);
  if (size < base.prefixLength || size > (base.family === 4 ? 30 : 126)) {
    throw new Error(`size ${size} does not fit in ${base.text}`);
  }
  return { base: base.text, size };
});

/** An address, or the name of an interface (15 characters at most on Linux). */
export const advertise = parsedBy((value) => {
  if (isAddress(value)) {
    if (contains(parseSubnet('0.0.0.0/8'), value))
      throw new Error('expected an address that other nodes can reach');
    return parseAddress(value);
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9._@-]{0,14}$/.test(value))
    throw new Error('expected an address or an interface name');
  return value;
});

function isPort(text: string): boolean {
  return /^\d{1,5}$/.test(text) && Number(text) <= 65535;
}

function splitAt(value: string, separator: string): [string, string | undefined] {
  const index = value.indexOf(separator);
  return index < 0 ? [value, undefined] : [value.slice(0, index), value.slice(index + 1)];
}
