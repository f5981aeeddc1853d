import { free, type Takes } from '../flags/takes.ts';

/** A word of a synopsis: `NETWORK [NETWORK...]` are two, of which the second repeats. */
export interface Operand {
  readonly word: string;
  readonly repeats: boolean;
}

export function operandsOf(synopsis: string): readonly Operand[] {
  const texts = synopsis.match(/\[(?:[^[\]]|\[[^\]]*\])*\]|\S+/g) ?? [];
  return texts.map((text) => {
    const bare = (text.startsWith('[') ? text.slice(1, -1) : text).replace(/^-- /, '');
    return { word: bare.replace(/\.\.\.$/, ''), repeats: bare.endsWith('...') };
  });
}

/** The one at this place; past the end it is the last one that repeats. */
export function operandAt(operands: readonly Operand[], index: number): string | undefined {
  const last = operands.at(-1);
  return (operands[index] ?? (last?.repeats ? last : undefined))?.word;
}

/** What the words of all synopses stand for. */
export const meanings: Readonly<Record<string, Takes>> = {
  APP: 'app',
  ARG: free,
  COMMAND: free,
  CONTAINER: 'container',
  DIRECTORY: 'directory',
  FLAG: free,
  IMAGE: free,
  NAME: 'service',
  'NAME|ID': 'container',
  NETWORK: 'network',
  'NETWORK-NAME': free,
  NEW_NAME: free,
  'PRIVATE_PORT[/PROTO]': free,
  PROC_TYPE: free,
  'PROC_TYPE=COUNT': free,
  PROGRAM: ['docker', 'dokku', 'fairlead'],
  PROPERTY: [
    'attach-post-create',
    'attach-post-deploy',
    'bind-all-interfaces',
    'initial-network',
    'static-web-listener',
    'tld',
  ],
  SERVICE: 'service',
  'SERVICE[.NETWORK]': 'service',
  SHELL: ['bash', 'fish', 'zsh'],
  VALUE: 'network',
};
