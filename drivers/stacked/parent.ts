import type { Network } from '../../src/cluster/records.ts';
import { parentName } from '../../src/dataplane/names.ts';
import type { ParentSpec } from '../../src/dataplane/parents.ts';
import { FairleadError } from '../../src/lib/errors.ts';

/**
 * The device of ours that a network without a parent lies on, or the 802.1q sub-interface that its parent is when the
 * host has no interface of that name. @throws invalid, in the Engine's words
 */
export function ownParent(tag: string, { id, options }: Pick<Network, 'id' | 'options'>): ParentSpec {
  return options.parent ? subInterface(options.parent) : { kind: 'isolated', name: parentName(tag, id) };
}

function subInterface(name: string): Extract<ParentSpec, { kind: 'vlan' }> {
  const [parent = '', text, ...rest] = name.split('.');
  if (text === undefined)
    throw invalid(`invalid subinterface vlan name ${name}, example formatting is eth0.10`);
  if (rest.length > 0)
    throw invalid(
      `required interface name format is: name.vlan_id, ex. eth0.10 for vlan 10, instead received ${name}`,
    );
  if (!/^[+-]?\d+$/.test(text))
    throw invalid(`unable to parse a valid vlan id from: ${text} (ex. eth0.10 for vlan 10)`);
  const id = Number(text);
  if (id < 1 || id > 4094) throw invalid(`vlan id must be between 1-4094, received: ${id}`);
  return { kind: 'vlan', name, parent, id };
}

function invalid(message: string): FairleadError {
  return new FairleadError('invalid', message);
}
