import { constants } from 'node:os';

const cleanUps = [];

/**
 * An interrupted build ends by `process.exit`, which runs no `finally`. The last is the first: what writes into a folder
 * is ended before the folder is removed.
 */
export function atExit(cleanUp) {
  cleanUps.push(cleanUp);
}

process.once('exit', () => {
  for (const cleanUp of cleanUps.toReversed()) cleanUp();
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.once(signal, () => process.exit(128 + constants.signals[signal]));
