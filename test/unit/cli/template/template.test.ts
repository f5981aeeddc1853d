import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TemplateError } from '../../../../src/cli/template/errors.ts';
import { compile } from '../../../../src/cli/template/evaluate.ts';
import { Struct, type Value } from '../../../../src/cli/template/values.ts';

/** Each expectation was compared with the templates of Docker's CLI 28.2.2. */
const data: Value = {
  Name: 'foo',
  Labels: { b: '2', a: '1' },
  List: ['x', 'y'],
  N: 3,
  Nil: null,
  Sub: { Deep: { A: 1 } },
  Cfg: [{ Subnet: '1/2' }],
};
const render = (source: string, value: Value = data) => compile(source).render(value);

describe('templates', () => {
  it.each([
    ['{{.Name}}', 'foo'],
    ['a {{- .Name -}} b', 'afoob'],
    ['{{/* a comment */}}x{{- /* trims */ -}} y', 'xy'],
    ['{{range $k, $v := .Labels}}{{$k}}={{$v}},{{end}}', 'a=1,b=2,'],
    ['{{range .List}}[{{.}}]{{else}}none{{end}}', '[x][y]'],
    ['{{range .Nil}}{{.}}{{else}}none{{end}}', 'none'],
    ['{{range $i, $e := .List}}{{if $i}}, {{end}}{{$e}}{{end}}', 'x, y'],
    ['{{range .List}}{{if eq . "y"}}{{break}}{{end}}{{.}}{{end}}', 'x'],
    ['{{range .List}}{{if eq . "x"}}{{continue}}{{end}}{{.}}{{end}}', 'y'],
    ['{{if eq .Name "foo"}}yes{{else if .N}}n{{else}}no{{end}}', 'yes'],
    ['{{if .Nil}}yes{{else if .N}}n{{else}}no{{end}}', 'n'],
    ['{{with .Sub}}{{.Deep.A}}{{end}}{{with .Nil}}x{{else}}y{{end}}', '1y'],
    ['{{$x := .N}}{{$x}} {{$.Name}} {{$x = 4}}{{$x}}', '3 foo 4'],
    ['{{with $y := .Name}}{{$y}}{{end}}', 'foo'],
    ['{{.Labels}} {{.List}} {{.Nil}}', 'map[a:1 b:2] [x y] <no value>'],
    ['{{index .List 1}} {{index .Labels "a"}} {{(index .Cfg 0).Subnet}}', 'y 1 1/2'],
    ['{{.Name | upper | printf "%s!"}}', 'FOO!'],
    ['{{printf "%-5s|%5s|%03d|%q|%v|%x" .Name .Name .N .Name .List 255}}', 'foo  |  foo|003|"foo"|[x y]|ff'],
    [
      '{{printf "%d %s" "a" 1}} {{printf "%d"}} {{printf "x" 1}}',
      '%!d(string=a) %!s(int=1) %!d(MISSING) x%!(EXTRA int=1)',
    ],
    ['{{len .List}} {{len .Name}} {{len .Labels}}', '2 3 2'],
    ['{{join .List ","}} {{split "a,b" ","}} {{title "ab cd"}} {{lower "AB"}}', 'x,y [a b] Ab Cd ab'],
    [
      '{{and .N .Name}} {{or "" "z"}} {{not .N}} {{eq .N 2 3}} {{ne 1 2}} {{lt 1 2}} {{ge 1 2}}',
      'foo z false true true true false',
    ],
    ['{{print 1 2 "a" 3}}{{println "a" 1}}', '1 2a3a 1\n'],
    ['{{"\\x41\\n\\u00e9"}} {{`raw\\n`}} {{\'a\'}}', 'A\né raw\\n 97'],
    ['{{0x1F}} {{1.5}} {{1e3}} {{true}} {{-2}}', '31 1.5 1000 true -2'],
    ['{{slice .Name 1}} {{slice .Name 0 2}} {{truncate .Name 1}}{{pad .Name 1 1}}', 'oo fo f foo '],
    ['{{json .List}} {{json .Nil}} {{json "<&>"}}', '["x","y"] null "<&>"'],
    ['{{html "<a>"}} {{urlquery "a b&c"}}', '&lt;a&gt; a+b%26c'],
  ])('%s gives %s', (source, expected) => {
    expect(render(source)).toBe(expected);
  });

  it.each([
    ['{{', 'template: :1: unclosed action'],
    ['{{.Name', 'template: :1: unclosed action'],
    ['\n{{.Name', 'template: :2: unclosed action'],
    ['{{.Name}', "template: :1: bad character U+007D '}'"],
    ['{{foo}}', 'template: :1: function "foo" not defined'],
    ['{{end}}', 'template: :1: unexpected {{end}}'],
    ['{{.Name}}{{else}}', 'template: :1: unexpected {{else}}'],
    ['{{if .N}}', 'template: :1: unexpected EOF'],
    ['{{if}}x{{end}}', 'template: :1: missing value for if'],
    ['{{$y}}', 'template: :1: undefined variable "$y"'],
    ['{{break}}', 'template: :1: {{break}} outside {{range}}'],
    ['{{1 | 2}}', 'template: :1: non executable command in pipeline stage 2'],
    ['{{(.N}}', 'template: :1: unclosed left paren'],
    ['{{.Name)}}', 'template: :1: unexpected right paren'],
    ['{{"abc}}', 'template: :1: unterminated quoted string'],
    ['{{1a}}', 'template: :1: bad number syntax: "1a"'],
    ['{{/* x }}', 'template: :1: unclosed comment'],
  ])('%s does not parse', (source, message) => {
    expect(() => compile(source)).toThrow(
      expect.objectContaining({ name: 'TemplateError', message, stage: 'parse' }),
    );
  });

  it.each([
    ['{{.Bogus}}', ':1:2: executing "" at <.Bogus>: map has no entry for key "Bogus"'],
    ['{{.Sub.Deep.B}}', ':1:6: executing "" at <.Sub.Deep.B>: map has no entry for key "B"'],
    ['{{.Nil.x}}', ':1:6: executing "" at <.Nil.x>: nil pointer evaluating interface {}.x'],
    ['{{.Name.Foo}}', ':1:7: executing "" at <.Name.Foo>: can\'t evaluate field Foo in type interface {}'],
    [
      '{{index .List 7}}',
      ':1:2: executing "" at <index .List 7>: error calling index: index out of range: 7',
    ],
    ['{{.Name 1}}', ':1:2: executing "" at <.Name>: Name is not a method but has arguments'],
    ['{{lower .N}}', ':1:8: executing "" at <.N>: wrong type for value; expected string; got int'],
    ['{{nil}}', ':1:2: executing "" at <nil>: nil is not a command'],
    [
      '{{eq .Name 1}}',
      ':1:2: executing "" at <eq .Name 1>: error calling eq: incompatible types for comparison',
    ],
    ['{{split "a"}}', ':1:2: executing "" at <split>: wrong number of args for split: want 2 got 1'],
  ])('%s fails on the data', (source, message) => {
    expect(() => render(source)).toThrow(new TemplateError(`template: ${message}`, 'execute'));
  });

  it('names the Go type of a struct, and calls its methods', () => {
    const struct = new Struct(
      '*network.networkContext',
      { ID: 'x' },
      { Label: (key) => `label ${String(key)}` },
    );
    expect(render('{{.ID}} {{.Label "a"}}', struct)).toBe('x label a');
    expect(() => render('{{.Bogus}}', struct)).toThrow(
      "can't evaluate field Bogus in type *network.networkContext",
    );
  });
});

describe('templates, whatever the text', () => {
  it('leaves text without actions alone', () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes('{{')),
        (text) => {
          expect(render(text)).toBe(text);
        },
      ),
    );
  });

  it('writes any JSON so that it reads back', () => {
    fc.assert(
      fc.property(fc.jsonValue({ depthSize: 'small' }), (value) => {
        expect(JSON.parse(render('{{json .}}', JSON.parse(JSON.stringify(value))))).toEqual(
          JSON.parse(JSON.stringify(value)),
        );
      }),
    );
  });

  it('unquotes what is quoted', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        // As it is: what a terminal would obey is made visible otherwise.
        const asIs = (shown: string) => shown;
        expect(compile(`{{${JSON.stringify(text)}}}`, asIs).render(data)).toBe(text);
      }),
    );
  });

  it('compiles or says why not, and nothing else', () => {
    const parts = fc.constantFrom(
      '{{',
      '}}',
      '.Name',
      '$x',
      ':=',
      'range',
      'if',
      'end',
      'else',
      '|',
      '(',
      ')',
      '"',
      ' ',
      'x',
      '1',
      '-',
      ',',
      'index',
      '.',
      '`',
    );
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 12 }), (words) => {
        try {
          render(words.join(''));
        } catch (error) {
          expect(error).toBeInstanceOf(TemplateError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
