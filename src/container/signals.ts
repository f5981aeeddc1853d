import { constants } from 'node:os';
import { FairleadError } from '../lib/errors.ts';

const byName: Readonly<Record<string, number>> = { ...constants.signals };
const highest = 64;
/** signal(7): their default action is to do nothing, or to stop or continue the process. */
const notFatal = new Set(['CHLD', 'URG', 'WINCH', 'CONT', 'STOP', 'TSTP', 'TTIN', 'TTOU'].map(numberOf));

/**
 * `SIGTERM`, `term`, `15` → 15.
 * @throws invalid
 */
export function parseSignal(text: string): number {
  const number = /^\d+$/.test(text) ? Number(text) : numberOf(text.toUpperCase().replace(/^SIG/, ''));
  if (number === undefined || number < 1 || number > highest) {
    throw new FairleadError('invalid', `invalid signal: ${text}`);
  }
  return number;
}

/** Ends a process that handles nothing. */
export function isFatal(signal: number): boolean {
  return !notFatal.has(signal);
}

/** The exit code that shells and Docker give a process that died of a signal. */
export function exitCodeOf(signal: number): number {
  return 128 + signal;
}

function numberOf(name: string): number | undefined {
  return byName[`SIG${name}`];
}
