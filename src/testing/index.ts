import type { StartFairlead } from './contract.ts';
import { MemoryFairlead } from './memory-fairlead.ts';

/** `import { startFairlead } from 'fairlead/testing'`; what it offers is in contract.ts, which is its declaration. */
export type * from './contract.ts';

/**
 * Starts daemons in simulated mode in this process, with all their state in memory.
 * @throws an Error in one line for an option that cannot be had
 */
export const startFairlead: StartFairlead = (options) => MemoryFairlead.start(options);
