import { appNetworkCommands } from './app-networks.ts';
import { appCommands } from './apps.ts';
import type { DokkuCommand } from './call.ts';
import { networkCommands } from './networks.ts';
import { processCommands } from './processes.ts';
import { runCommands } from './run.ts';

/** Every command of Dokku's that is ours, by its name there. */
export const dokkuCommands: Readonly<Record<string, DokkuCommand>> = {
  ...networkCommands,
  ...appNetworkCommands,
  ...appCommands,
  ...processCommands,
  ...runCommands,
};
