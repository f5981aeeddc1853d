import type { Case } from '../case.ts';
import { addresses } from './addresses.ts';
import { containers } from './containers.ts';
import { names } from './names.ts';
import { duplicates, networks } from './networks.ts';
import { peersContainers } from './peers-containers.ts';
import { peersKernel } from './peers-kernel.ts';
import { peersNetworks } from './peers-networks.ts';
import { sessions } from './sessions.ts';
import { stacked } from './stacked.ts';
import { system } from './system.ts';
import { today } from './today.ts';

export const cases: readonly Case[] = [
  ...system,
  ...networks,
  ...containers,
  ...sessions,
  ...today,
  ...addresses,
  ...stacked,
  ...names,
  ...peersNetworks,
  ...peersContainers,
  ...peersKernel,
  ...duplicates,
];
