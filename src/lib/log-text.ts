const levels: Readonly<Record<number, readonly [name: string, colour: number]>> = {
  10: ['TRACE', 90],
  20: ['DEBUG', 90],
  30: ['INFO', 32],
  40: ['WARN', 33],
  50: ['ERROR', 31],
  60: ['FATAL', 31],
};
const dim = 2;

/**
 * A line of the log for people: `2026-11-30T07:44:38.425Z WARN  what happened key=value`. An error shows as its
 * message; its stack is in the JSON log only.
 */
export function readableLine(line: string, isColoured: boolean): string {
  const record = recordIn(line);
  if (record === undefined) return line;
  const { level, time, msg = '', err, ...rest } = record;
  const paint = (colour: number, text: string) => (isColoured ? `\u001b[${colour}m${text}\u001b[0m` : text);
  const [name, colour] = levels[Number(level)] ?? [String(level), dim];
  const at = new Date(Number(time));
  const stamp = Number.isNaN(at.getTime()) ? '' : at.toISOString();
  const pairs = Object.entries(rest).map(([key, value]) => paint(dim, `${escaped(key)}=${valueText(value)}`));
  const words = [
    paint(dim, stamp),
    paint(colour, name.padEnd(5)),
    escaped(withReason(String(msg), err)),
    ...pairs,
  ];
  return `${words.join(' ').trimEnd()}\n`;
}

function recordIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const parsed: unknown = JSON.parse(line);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : undefined;
  } catch {
    return undefined;
  }
}

function valueText(value: unknown): string {
  const isWord = typeof value === 'string' && /^[^\s"=]+$/.test(value);
  return escaped(isWord ? value : JSON.stringify(value));
}

/** Most messages name the reason by themselves. */
function withReason(msg: string, err: unknown): string {
  const reason = reasonOf(err);
  if (msg.includes(reason)) return msg;
  return msg === '' ? reason : `${msg}: ${reason}`;
}

/** As pino writes an error: its message has those of all causes behind it, its stack begins with its own. */
function reasonOf(err: unknown): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message }: { readonly stack?: unknown; readonly message?: unknown } = err;
  const [first = ''] = String(stack ?? message ?? '').split('\n');
  return first.replace(/^\w+: /, '');
}

/** What others chose the text of (names, answers of servers) must not move the terminal's cursor, nor begin a line. */
function escaped(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
