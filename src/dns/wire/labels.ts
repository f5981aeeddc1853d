import { foldCase } from '../../lib/names.ts';
import { maxLabelSize, maxWireName } from './wire.ts';

/** A domain name as its labels, the most specific first; the root is the empty list. */
export type Labels = readonly string[];

/** `a.b.` and `a.b` alike. Undefined when it does not fit a DNS name (RFC 1035 section 2.3.4). */
export function labelsOf(text: string): Labels | undefined {
  const trimmed = text.endsWith('.') ? text.slice(0, -1) : text;
  if (trimmed === '') return text === '.' ? [] : undefined;
  const labels = trimmed.split('.');
  return fits(labels) ? labels : undefined;
}

/** Whether DNS can have the name. */
export function fits(labels: Labels): boolean {
  const sizes = labels.map((label) => Buffer.byteLength(label, 'latin1'));
  if (sizes.some((size) => size === 0 || size > maxLabelSize)) return false;
  return sizes.reduce((sum, size) => sum + size + 1, 1) <= maxWireName;
}

/** Labels of a name in wire form, given as latin1 text. The text must have been checked (question.ts). */
export function labelsOfWire(wire: string): Labels {
  const labels: string[] = [];
  for (let at = 0; at < wire.length; ) {
    const size = wire.charCodeAt(at);
    if (size === 0) break;
    labels.push(wire.slice(at + 1, at + 1 + size));
    at += size + 1;
  }
  return labels;
}

/**
 * The text that tables are keyed by: folded, dots between labels. A dot or backslash inside a label is
 * escaped (RFC 1035 section 5.1), so that no odd label can pass for two.
 */
export function keyOf(labels: Labels): string {
  return foldCase(labels.map(escapeLabel).join('.'));
}

function escapeLabel(label: string): string {
  return label.replace(/[.\\]/g, '\\$&');
}
