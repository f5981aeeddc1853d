import { messageOf } from '../../lib/errors.ts';
import { visibleLines } from '../../lib/plain-text.ts';
import { TemplateError } from './errors.ts';
import { quoted } from './escapes.ts';
import { functionNamed, WrongType } from './functions.ts';
import { lineOf } from './lexer.ts';
import type { Branch, CommandNode, Node, Operand, Pipe } from './nodes.ts';
import { parseTemplate } from './parser.ts';
import {
  isList,
  isMap,
  isTextMap,
  printed,
  Struct,
  sortedKeys,
  truth,
  typeName,
  type Value,
} from './values.ts';

/** A template that can be filled in again and again. */
export interface Template {
  /** @throws TemplateError with Go's text */
  render(data: Value): string;
}

/**
 * `show` makes a value's control characters visible; the template's own text is the user's (colours, say).
 * @throws TemplateError with Go's text
 */
export function compile(source: string, show: (text: string) => string = visibleLines): Template {
  const nodes = parseTemplate(source);
  return { render: (data) => new Evaluation(source, data, show).render(nodes, data) };
}

/** How a list of nodes ended: `break` and `continue` go up to their range. */
type Flow = 'on' | 'break' | 'continue';

class Evaluation {
  readonly #source: string;
  #variables: { readonly name: string; value: Value }[];
  /** Whether the data are a struct: a key that its maps lack is no error then, as in Go. */
  readonly #isTyped: boolean;
  #output = '';

  constructor(
    source: string,
    data: Value,
    private readonly show: (text: string) => string,
  ) {
    this.#source = source;
    this.#isTyped = data instanceof Struct;
    this.#variables = [{ name: '$', value: data }];
  }

  render(nodes: readonly Node[], dot: Value): string {
    this.#walk(nodes, dot);
    return this.#output;
  }

  #walk(nodes: readonly Node[], dot: Value): Flow {
    for (const node of nodes) {
      const flow = this.#node(node, dot);
      if (flow !== 'on') return flow;
    }
    return 'on';
  }

  #node(node: Node, dot: Value): Flow {
    switch (node.kind) {
      case 'text':
        this.#output += node.text;
        return 'on';
      case 'action': {
        const value = this.#pipe(node.pipe, dot);
        if (node.pipe.variables.length === 0) this.#output += this.show(printed(value));
        return 'on';
      }
      case 'break':
      case 'continue':
        return node.kind;
      default:
        return this.#scoped(() => this.#branch(node, dot));
    }
  }

  #branch(node: Branch, dot: Value): Flow {
    if (node.kind === 'range') return this.#range(node, dot);
    const value = this.#pipe(node.pipe, dot);
    if (!truth(value)) return this.#walk(node.otherwise, dot);
    return this.#walk(node.body, node.kind === 'with' ? value : dot);
  }

  #range(node: Branch, dot: Value): Flow {
    const entries = this.#entries(this.#stages(node.pipe, dot), node.pipe);
    if (entries.length === 0) return this.#walk(node.otherwise, dot);
    for (const [key, value] of entries) {
      const flow = this.#scoped(() => {
        const { variables } = node.pipe;
        const values = variables.length === 2 ? [key, value] : [value];
        variables.forEach((name, index) => {
          this.#bind(name, values[index], node.pipe.assigns);
        });
        return this.#walk(node.body, value);
      });
      if (flow === 'break') break;
    }
    return 'on';
  }

  #entries(value: Value, pipe: Pipe): readonly (readonly [Value, Value])[] {
    if (value === null || value === undefined) return [];
    if (isList(value)) return value.map((item, index) => [index, item]);
    if (isMap(value)) return sortedKeys(value).map((key) => [key, value[key]]);
    if (typeof value === 'number' && Number.isInteger(value)) {
      return Array.from({ length: Math.max(0, value) }, (_unused, index) => [index, index]);
    }
    throw this.#failed(`range can't iterate over ${printed(value)}`, pipe.commands[0]?.operands[0]);
  }

  #scoped(run: () => Flow): Flow {
    const known = this.#variables.length;
    const flow = run();
    this.#variables.length = known;
    return flow;
  }

  #pipe(pipe: Pipe, dot: Value): Value {
    const value = this.#stages(pipe, dot);
    const [name] = pipe.variables;
    if (name !== undefined) this.#bind(name, value, pipe.assigns);
    return value;
  }

  #stages(pipe: Pipe, dot: Value): Value {
    let carried: readonly Value[] = [];
    for (const stage of pipe.commands) carried = [this.#command(stage, dot, carried)];
    return carried[0];
  }

  #bind(name: string, value: Value, assigns: boolean): void {
    const existing = assigns ? this.#variables.findLast((variable) => variable.name === name) : undefined;
    if (existing) existing.value = value;
    else this.#variables.push({ name, value });
  }

  /** `carried`: the value of the stage before, which becomes the last argument. */
  #command({ operands }: CommandNode, dot: Value, carried: readonly Value[]): Value {
    const [first, ...rest] = operands;
    if (!first) return undefined;
    if (first.kind === 'function') return this.#call(first, rest, dot, carried);
    if (first.kind === 'field' || first.kind === 'variable') {
      return this.#path(first, dot, () => [
        ...rest.map((operand) => this.#operand(operand, dot)),
        ...carried,
      ]);
    }
    if (rest.length > 0 || carried.length > 0) {
      throw this.#failed(`can't give argument to non-function ${first.text}`, first);
    }
    if (first.kind === 'nil') throw this.#failed('nil is not a command', first);
    return this.#operand(first, dot);
  }

  #operand(operand: Operand, dot: Value): Value {
    switch (operand.kind) {
      case 'literal':
        return operand.value;
      case 'nil':
        return null;
      case 'dot':
        return dot;
      case 'function':
        return this.#call(operand, [], dot, []);
      case 'pipe':
        return this.#fields(this.#pipe(operand.pipe, dot), operand.path, operand, () => []);
      default:
        return this.#path(operand, dot, () => []);
    }
  }

  #path(operand: Operand & { kind: 'field' | 'variable' }, dot: Value, args: () => readonly Value[]): Value {
    if (operand.kind === 'field') return this.#fields(dot, operand.path, operand, args);
    const variable = this.#variables.findLast(({ name }) => name === operand.name);
    return this.#fields(variable?.value, operand.path, operand, args);
  }

  #fields(start: Value, path: readonly string[], operand: Operand, args: () => readonly Value[]): Value {
    if (path.length === 0 && args().length > 0) {
      throw this.#failed(`can't give argument to non-function ${operand.text}`, operand);
    }
    return path.reduce<Value>((value, name, index) => {
      return this.#field(value, name, operand, index === path.length - 1 ? args() : []);
    }, start);
  }

  #field(value: Value, name: string, operand: Operand, args: readonly Value[]): Value {
    if (value instanceof Struct && Object.hasOwn(value.methods, name)) return value.methods[name]?.(...args);
    if (args.length > 0) throw this.#failed(`${name} is not a method but has arguments`, operand);
    if (value === null || value === undefined) {
      throw this.#failed(`nil pointer evaluating interface {}.${name}`, operand);
    }
    const fields = value instanceof Struct ? value.fields : isMap(value) ? value : undefined;
    if (fields && Object.hasOwn(fields, name)) return fields[name];
    if (isMap(value) && this.#isTyped && isTextMap(value)) return undefined;
    if (isMap(value)) throw this.#failed(`map has no entry for key ${quoted(name)}`, operand);
    const type = this.#isTyped ? typeName(value) : 'interface {}';
    throw this.#failed(`can't evaluate field ${name} in type ${type}`, operand);
  }

  #call(
    operand: Operand & { kind: 'function' },
    rest: readonly Operand[],
    dot: Value,
    carried: readonly Value[],
  ): Value {
    const { name } = operand;
    if (name === 'and' || name === 'or') return this.#shortCircuit(operand, rest, dot, carried);
    const args = [...rest.map((argument) => this.#operand(argument, dot)), ...carried];
    const spec = functionNamed(name);
    if (!spec) throw this.#failed(`error calling ${name}: not a function`, operand);
    if (args.length < spec.least || args.length > spec.most) {
      const want = spec.most === Number.POSITIVE_INFINITY ? `at least ${spec.least}` : String(spec.least);
      throw this.#failed(`wrong number of args for ${name}: want ${want} got ${args.length}`, operand);
    }
    try {
      return spec.call(...args);
    } catch (error) {
      if (error instanceof WrongType)
        throw this.#failed(error.message, rest[args.indexOf(error.value)] ?? operand);
      const text = [operand, ...rest].map((part) => part.text).join(' ');
      throw this.#failed(`error calling ${name}: ${messageOf(error)}`, { ...operand, text });
    }
  }

  /** `and` stops at the first false value, `or` at the first true one. */
  #shortCircuit(
    operand: Operand & { kind: 'function' },
    rest: readonly Operand[],
    dot: Value,
    carried: readonly Value[],
  ): Value {
    const total = rest.length + carried.length;
    if (total === 0)
      throw this.#failed(`wrong number of args for ${operand.name}: want at least 1 got 0`, operand);
    let value: Value;
    for (const argument of rest) {
      value = this.#operand(argument, dot);
      if (truth(value) === (operand.name === 'or')) return value;
    }
    return carried.length > 0 ? carried[0] : value;
  }

  #failed(message: string, operand: Operand | undefined): TemplateError {
    const position = operand?.position ?? 0;
    const line = lineOf(this.#source, position);
    const start = this.#source.lastIndexOf('\n', position - 1) + 1;
    const column = Buffer.byteLength(this.#source.slice(start, position));
    const text = operand?.text ?? '';
    const context = text.length > 20 ? `${text.slice(0, 20)}...` : text;
    return new TemplateError(
      `template: :${line}:${column}: executing "" at <${context}>: ${message}`,
      'execute',
    );
  }
}
