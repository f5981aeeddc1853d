import { randomInt } from 'node:crypto';
import { FairleadError } from '../../lib/errors.ts';
import { parseName } from '../../lib/names.ts';

/** The Engine's rule (moby daemon/names): at least two characters. */
const enginePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/**
 * Checks a container's name by the Engine's rule, then that DNS can answer for it.
 * @throws invalid
 */
export function parseContainerName(text: string): string {
  // Old clients send the name with the slash that inspect shows in front of it.
  const name = text.startsWith('/') ? text.slice(1) : text;
  if (!enginePattern.test(name)) {
    throw new FairleadError(
      'invalid',
      `Invalid container name (${name}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
    );
  }
  return parseName('container', name);
}

const adjectives = [
  ...['able', 'agile', 'amber', 'bold', 'brave', 'brisk', 'calm', 'clever', 'cosy', 'eager', 'early', 'fair'],
  ...[
    'fleet',
    'gentle',
    'glad',
    'golden',
    'happy',
    'hardy',
    'keen',
    'kind',
    'lively',
    'loyal',
    'lucky',
    'merry',
  ],
  ...[
    'mild',
    'modest',
    'neat',
    'noble',
    'patient',
    'proud',
    'quick',
    'quiet',
    'ready',
    'steady',
    'sunny',
    'warm',
  ],
];

/** Parts of ships and what is around them: a fairlead guides ropes. */
const nouns = [
  ...[
    'anchor',
    'beacon',
    'bollard',
    'bow',
    'bridge',
    'buoy',
    'cable',
    'capstan',
    'cleat',
    'compass',
    'deck',
    'dock',
  ],
  ...[
    'ferry',
    'galley',
    'halyard',
    'harbour',
    'hawser',
    'helm',
    'hull',
    'jetty',
    'keel',
    'lantern',
    'mast',
    'pilot',
  ],
  ...[
    'pier',
    'quay',
    'rigging',
    'rudder',
    'sail',
    'schooner',
    'sextant',
    'shackle',
    'stern',
    'tide',
    'tiller',
    'winch',
  ],
];

/** An `adjective_noun` that `taken` does not know; with a number behind it after a few misses, as the Engine does. */
export function makeUpName(taken: (name: string) => boolean): string {
  for (let attempt = 0; ; attempt++) {
    const pair = `${pick(adjectives)}_${pick(nouns)}`;
    const name = attempt < 6 ? pair : `${pair}${randomInt(10 ** Math.min(attempt - 5, 9))}`;
    if (!taken(name)) return name;
  }
}

function pick(words: readonly string[]): string {
  return words[randomInt(words.length)] ?? '';
}
