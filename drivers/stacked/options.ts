import { refuseUnknownOptions } from '../../src/cluster/endpoints/options.ts';
import type { Network } from '../../src/cluster/records.ts';
import type { StackedType } from '../../src/dataplane/parents.ts';
import { FairleadError } from '../../src/lib/errors.ts';
import { familyKeys, interfacePrefixKey, mtuKey, parseInterfacePrefix, parseMtu } from '../option-values.ts';

/** What the Engine's macvlan and ipvlan drivers take. */
export interface StackedOptions {
  /** Absent: a device of the network's own, which leads nowhere. */
  readonly parent?: string;
  readonly mode: string;
  readonly flag?: string;
  /** Bytes; absent: the parent's. */
  readonly mtu?: number;
  /** What containers' interfaces are called: `eth` for `eth0`. */
  readonly interfacePrefix: string;
}

type Options = Network['options'];

/** The first of each is the default. */
const choices: Record<StackedType, Record<string, readonly string[]>> = {
  macvlan: { macvlan_mode: ['bridge', 'private', 'vepa', 'passthru'] },
  ipvlan: { ipvlan_mode: ['l2', 'l3', 'l3s'], ipvlan_flag: ['bridge', 'private', 'vepa'] },
};

/** Of a network about to be created. @throws invalid, in the Engine's words where it has some */
export function checkStackedOptions(type: StackedType, options: Options): void {
  refuseUnknownOptions(options, [...familyKeys, mtuKey, interfacePrefixKey]);
  const other = Object.keys(choices[type === 'macvlan' ? 'ipvlan' : 'macvlan']).find((key) => key in options);
  if (other !== undefined) {
    const known = ['parent', ...Object.keys(choices[type])].join(', ');
    throw new FairleadError('invalid', `unknown option ${other} of the ${type} driver, known are ${known}`);
  }
  parseStackedOptions(type, options);
}

/** @throws invalid */
export function parseStackedOptions(type: StackedType, options: Options): StackedOptions {
  const { parent } = options;
  const mtu = parseMtu(options[mtuKey]);
  return {
    ...(parent ? { parent } : {}),
    mode: chosen(type, 'mode', options),
    ...(type === 'ipvlan' ? { flag: chosen(type, 'flag', options) } : {}),
    ...(mtu === undefined ? {} : { mtu }),
    interfacePrefix: parseInterfacePrefix(options),
  };
}

function chosen(type: StackedType, what: 'mode' | 'flag', options: Options): string {
  const key = `${type}_${what}`;
  const known = choices[type][key] ?? [];
  const [first = ''] = known;
  const text = options[key] || first;
  if (known.includes(text)) return text;
  const usual = what === 'mode' ? `'${first}' mode is` : `'${first}' is`;
  throw new FairleadError(
    'invalid',
    `requested ${type} ${what} '${text}' is not valid, ${usual} the ${type} driver default`,
  );
}
