import { readFile } from 'node:fs/promises';
import * as z from 'zod';
import { FairleadError, messageOf } from '../../src/lib/errors.ts';
import { joinHostPort } from '../../src/lib/host-address.ts';

/** Where a plugin listens. */
export type PluginAddress =
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number; readonly tls?: PluginTls };

/** PEM texts. */
export interface PluginTls {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  /** Docker verifies a plugin's certificate only where a CA is named. */
  readonly verify: boolean;
}

export function formatPluginAddress(address: PluginAddress): string {
  if (address.kind === 'unix') return address.path;
  return `${address.tls ? 'https' : 'tcp'}://${joinHostPort(address.host, address.port)}`;
}

/** One URL: `unix:///path`, `tcp://host:port`, `http(s)://host[:port]`. @throws unavailable */
export async function parseSpecFile(name: string, path: string, text: string): Promise<PluginAddress> {
  return parseUrl(name, path, text.trim());
}

const jsonFile = z.object({
  Addr: z.string(),
  TLSConfig: z
    .object({
      InsecureSkipVerify: z.boolean().default(false),
      CAFile: z.string().default(''),
      CertFile: z.string().default(''),
      KeyFile: z.string().default(''),
    })
    .nullish(),
});

/** `{"Name", "Addr", "TLSConfig"}`. @throws unavailable */
export async function parseJsonFile(name: string, path: string, text: string): Promise<PluginAddress> {
  try {
    const { Addr, TLSConfig } = jsonFile.parse(JSON.parse(text));
    const address = parseUrl(name, path, Addr);
    if (address.kind === 'unix' || !TLSConfig) return address;
    const [ca, cert, key] = await Promise.all(
      [TLSConfig.CAFile, TLSConfig.CertFile, TLSConfig.KeyFile].map((file) => pem(file)),
    );
    const verify = ca !== undefined && !TLSConfig.InsecureSkipVerify;
    const tls = { ...(ca ? { ca } : {}), ...(cert ? { cert } : {}), ...(key ? { key } : {}), verify };
    return { ...address, tls };
  } catch (error) {
    if (error instanceof FairleadError) throw error;
    const why = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error);
    throw new FairleadError('unavailable', `plugin "${name}": ${path}: ${why.replace(/\s+/g, ' ')}`);
  }
}

async function pem(file: string): Promise<string | undefined> {
  return file === '' ? undefined : await readFile(file, 'utf8');
}

function parseUrl(name: string, path: string, text: string): PluginAddress {
  const unix = /^unix:\/\/(\/.+)$/.exec(text)?.[1];
  if (unix) return { kind: 'unix', path: unix };
  const url = /^(tcp|https?):\/\/./.test(text) && URL.canParse(text) ? new URL(text) : undefined;
  const port = Number(url?.port || { 'http:': 80, 'https:': 443 }[url?.protocol ?? '']);
  if (url?.hostname && port > 0) {
    const host = url.hostname.replace(/^\[|\]$/g, '');
    return { kind: 'tcp', host, port, ...(url.protocol === 'https:' ? { tls: { verify: false } } : {}) };
  }
  throw new FairleadError(
    'unavailable',
    `plugin "${name}": ${path}: "${text}" is no address: expected unix:///PATH, tcp://HOST:PORT or https://HOST:PORT`,
  );
}
