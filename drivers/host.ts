import type { Driver } from './driver.ts';
import { withoutInterfaces } from './null.ts';

/** A container on it uses the host's own network stack: its runtime sees to that, the driver adds nothing. */
export function createHostDriver(): Driver {
  return withoutInterfaces('host');
}
