import type { Value } from './values.ts';

/** The parsed template. Positions and texts are kept for the error messages of evaluation. */
export type Node =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'action'; readonly pipe: Pipe }
  | Branch
  | { readonly kind: 'break' }
  | { readonly kind: 'continue' };

export interface Branch {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: Pipe;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

/** `$x, $y := command | command` */
export interface Pipe {
  readonly variables: readonly string[];
  /** True for `=`, which needs the variable to exist. */
  readonly assigns: boolean;
  readonly commands: readonly CommandNode[];
  readonly position: number;
}

/** A function or value and its arguments. */
export interface CommandNode {
  readonly operands: readonly Operand[];
}

export type Operand = { readonly position: number; readonly text: string } & (
  | { readonly kind: 'literal'; readonly value: Value }
  | { readonly kind: 'nil' }
  | { readonly kind: 'dot' }
  | { readonly kind: 'field'; readonly path: readonly string[] }
  | { readonly kind: 'variable'; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: 'function'; readonly name: string }
  /** `(pipeline).Field` */
  | { readonly kind: 'pipe'; readonly pipe: Pipe; readonly path: readonly string[] }
);
