import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { readableLine } from '../../../src/lib/log-text.ts';

const logged = (write: (log: ReturnType<typeof pino>) => void, isColoured = false) => {
  let text = '';
  write(
    pino(
      { level: 'trace', base: null, timestamp: () => ',"time":1796024678425' },
      {
        write: (line: string) => {
          text += readableLine(line, isColoured);
        },
      },
    ),
  );
  return text;
};

describe('a line of the log for people', () => {
  it('has time, level, message and what else was said', () => {
    expect(logged((log) => log.warn({ network: 'foo', ms: 12, names: ['a b'] }, 'slow'))).toBe(
      '2026-11-30T07:44:38.425Z WARN  slow network=foo ms=12 names=["a b"]\n',
    );
    expect(logged((log) => log.info({ path: '/x y', empty: '' }, 'asked'))).toBe(
      '2026-11-30T07:44:38.425Z INFO  asked path="/x y" empty=""\n',
    );
  });

  it('is coloured on request only', () => {
    expect(logged((log) => log.error('bad'), true)).toBe(
      '\u001b[2m2026-11-30T07:44:38.425Z\u001b[0m \u001b[31mERROR\u001b[0m bad\n',
    );
  });

  it('has the reason of an error once, and never its stack', () => {
    const error = new Error('lost');
    error.stack = 'Error: lost\n    at somewhere (x.ts:1:2)';
    const at = '2026-11-30T07:44:38.425Z FATAL';
    expect(logged((log) => log.fatal({ err: error }, 'ends'))).toBe(`${at} ends: lost\n`);
    expect(logged((log) => log.fatal({ err: error }, 'ends: lost'))).toBe(`${at} ends: lost\n`);
    expect(logged((log) => log.fatal(error))).toBe(`${at} lost\n`);
    const outer = new Error('undo x: lost', { cause: error });
    expect(logged((log) => log.fatal({ err: outer }, outer.message))).toBe(`${at} undo x: lost\n`);
  });

  it('is one line, whatever others have put into it: no control character reaches the terminal', () => {
    const text = logged((log) =>
      log.info({ name: 'a\u001b[2Jb', 'k\n': '\u009b1m' }, 'one\ntwo\u001b]0;x\u0007'),
    );
    expect(text).toBe(
      '2026-11-30T07:44:38.425Z INFO  one\\u000atwo\\u001b]0;x\\u0007 name=a\\u001b[2Jb k\\u000a=\\u009b1m\n',
    );
  });

  it('that is no JSON stays as it is', () => {
    expect(readableLine('so it goes\n', true)).toBe('so it goes\n');
  });
});
