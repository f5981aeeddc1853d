import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { answerFor, statusOf } from '../../../../src/api/http/error-map.ts';
import { errorKinds, FairleadError } from '../../../../src/lib/errors.ts';

const document = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8');

interface Row {
  readonly kind: string;
  readonly engine: number;
  readonly experimental: number;
  readonly meaning: string;
}

function rowsOf(text: string): Row[] {
  return [...text.matchAll(/^\| `([a-z-]+)` \| (\d+) \| (\d+) \| (.*) \|$/gm)].map((match) => ({
    kind: match[1] ?? '',
    engine: Number(match[2]),
    experimental: Number(match[3]),
    meaning: match[4] ?? '',
  }));
}

describe('docs/errors.md', () => {
  it('lists every kind once, with its statuses', () => {
    const listed = rowsOf(document).map(({ kind, engine, experimental }) => ({ kind, engine, experimental }));
    expect(listed).toEqual(errorKinds.map((kind) => ({ kind, ...statusOf[kind] })));
  });

  it('gives each a meaning', () => {
    for (const { meaning } of rowsOf(document)) expect(meaning.length).toBeGreaterThan(20);
  });

  it('would not pass with a wrong status or a missing kind', () => {
    const wrong = document.replace('| `conflict` | 409', '| `conflict` | 400');
    expect(rowsOf(wrong)).not.toEqual(rowsOf(document));
    const missing = document.replace(/^\| `internal`.*\n/m, '');
    expect(rowsOf(missing)).toHaveLength(errorKinds.length - 1);
  });
});

describe('the map of errors', () => {
  it.each(errorKinds.map((kind) => [kind]))('answers %s with its status and message', (kind) => {
    const error = new FairleadError(kind, 'why');
    expect(answerFor(error, 'engine')).toEqual({ status: statusOf[kind].engine, message: 'why' });
    expect(answerFor(error, 'experimental')).toEqual({ status: statusOf[kind].experimental, message: 'why' });
  });

  it('makes every error outside the catalogue a 500 of one line', () => {
    expect(answerFor(new Error('a\n  b'), 'engine')).toEqual({ status: 500, message: 'a b' });
    expect(answerFor('text', 'engine')).toEqual({ status: 500, message: 'text' });
    const several = new AggregateError([new Error('one'), new FairleadError('invalid', 'two')]);
    expect(answerFor(several, 'engine')).toEqual({ status: 500, message: 'one; two' });
    expect(answerFor(new Error(''), 'engine')).toEqual({ status: 500, message: 'unknown error' });
  });

  it('does not take a status from a foreign error', () => {
    const foreign = Object.assign(new Error('x'), { statusCode: 404, code: 'ENOENT' });
    expect(answerFor(foreign, 'engine').status).toBe(500);
  });
});
