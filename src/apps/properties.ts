import { isIP } from 'node:net';
import { FairleadError, messageOf } from '../lib/errors.ts';
import { parseName, parseNetworkName } from '../lib/names.ts';
import type { Properties } from './records.ts';

/** Dokku's network properties, in the order in which its messages name them. */
export const propertyNames = [
  'attach-post-create',
  'attach-post-deploy',
  'bind-all-interfaces',
  'initial-network',
  'static-web-listener',
  'tld',
] as const;

export type PropertyName = (typeof propertyNames)[number];

/** Those that may be set for all apps at once, and are computed from both. */
export const globalNames = propertyNames.filter((name) => name !== 'static-web-listener');

/** The properties that put a container on a network: no network may be in two of them. */
const phaseNames = ['attach-post-create', 'attach-post-deploy', 'initial-network'] as const;

export interface PropertyChange {
  /** The app; absent: the change is global. */
  readonly app?: Properties;
  readonly global: Properties;
  readonly property: string;
  /** None: the property is cleared. */
  readonly values: readonly string[];
}

/** What it is without a value; raw values stay empty. */
export function computedValue(app: Properties, global: Properties, name: PropertyName): string {
  const value = app[name] || global[name] || '';
  return name === 'bind-all-interfaces' && value === '' ? 'false' : value;
}

export function networksIn(value: string): readonly string[] {
  return value.split(',').filter((name) => name !== '');
}

/**
 * The property's new raw value, empty when it is cleared. Networks that do not exist are no error: they may
 * be created before the deploy.
 * @throws invalid, in Dokku's words where it has any
 */
export function parseProperty(change: PropertyChange): {
  readonly name: PropertyName;
  readonly value: string;
} {
  const name = parsePropertyName(change);
  const values = change.values.flatMap((value) => (takesSeveral(name) ? networksIn(value) : [value]));
  if (values.length > 1 && !takesSeveral(name))
    throw new FairleadError('invalid', `Only one value can be specified for ${name}`);
  const given = values.filter((value) => value !== '');
  for (const [index, value] of given.entries()) {
    checkValue(name, value);
    if (given.indexOf(value) !== index || isElsewhere(change, name, value))
      throw new FairleadError('invalid', `Network name already associated with this app: ${value}`);
  }
  return { name, value: given.join(',') };
}

function parsePropertyName({ app, property }: PropertyChange): PropertyName {
  const name = propertyNames.find((known) => known === property);
  if (!app && property !== '' && !globalNames.some((known) => known === property))
    throw new FairleadError('invalid', 'Property cannot be specified globally');
  if (property === '') throw new FairleadError('invalid', 'No property specified');
  if (name) return name;
  throw new FairleadError(
    'invalid',
    `Invalid property specified, valid properties include: ${propertyNames.join(', ')}`,
  );
}

function takesSeveral(name: PropertyName): boolean {
  return name === 'attach-post-create' || name === 'attach-post-deploy';
}

/** Whether another phase has the network already, by the app's own word or the global one. */
function isElsewhere({ app = {}, global }: PropertyChange, name: PropertyName, network: string): boolean {
  if (!phaseNames.some((phase) => phase === name)) return false;
  return phaseNames
    .filter((phase) => phase !== name)
    .some((phase) => networksIn(computedValue(app, global, phase)).includes(network));
}

function checkValue(name: PropertyName, value: string): void {
  if (takesSeveral(name) && ['host', 'bridge', 'none'].includes(value))
    throw new FairleadError('invalid', `Invalid network name specified for attach: ${value}`);
  if (takesSeveral(name) || name === 'initial-network') parseNetworkName(value);
  if (name === 'bind-all-interfaces' && !['true', 'false'].includes(value))
    throw new FairleadError(
      'invalid',
      `Invalid bind-all-interfaces value specified, use either true or false: ${value}`,
    );
  if (name === 'tld') checkTld(value);
  if (name === 'static-web-listener') checkListener(value);
}

function checkTld(value: string): void {
  try {
    parseName('alias', `app.web.${value}`);
  } catch (error) {
    const problem = messageOf(error).replace(/^.*?": /, '');
    throw new FairleadError('invalid', `Invalid tld specified: ${value}: ${problem}`, { cause: error });
  }
}

/** ADDRESS[:PORT]; an IPv6 address with a port is in brackets. */
function checkListener(value: string): void {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(value) ?? [
    undefined,
    undefined,
    value,
  ];
  const address = bracketed ?? plain ?? '';
  const isPort = port === undefined || (Number(port) >= 1 && Number(port) <= 65535);
  if (isIP(address) && isPort) return;
  throw new FairleadError(
    'invalid',
    `Invalid static-web-listener specified, use an address or address:port: ${value}`,
  );
}

/** An empty value clears it. */
export function withProperty(
  old: Properties,
  { name, value }: { readonly name: string; readonly value: string },
): Properties {
  const { [name]: _, ...others } = old;
  return value === '' ? others : { ...others, [name]: value };
}
