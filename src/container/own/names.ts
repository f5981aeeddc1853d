import { randomInt } from 'node:crypto';

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
