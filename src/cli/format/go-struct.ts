import { isMap, Struct, sortedKeys, type Value } from '../template/values.ts';

/** The fields of a Go struct by name: the name in JSON, and the value of an absent one. */
type Fields = Readonly<
  Record<string, readonly [json: string, absent: Value, inside?: (value: Value) => Value]>
>;

/** JSON as Go decodes it into a struct of these fields; its own JSON stays what it was. */
export function goStruct(typeName: string, value: Value, fields: Fields): Value {
  if (!isMap(value)) return value;
  const entries = Object.entries(fields).map(([name, [json, absent, inside]]) => {
    const field = value[json] ?? absent;
    return { name, json, field: inside ? inside(field) : field };
  });
  const decoded = entries.filter(({ json }) => (value[json] ?? null) !== null);
  const json = { ...value, ...Object.fromEntries(decoded.map((entry) => [entry.json, entry.field])) };
  const byName = Object.fromEntries(entries.map(({ name, field }) => [name, field]));
  return new Struct(typeName, byName, {}, { json });
}

/** Go's maps have their keys in order. */
export function goMap(values: Value, inside: (value: Value) => Value = (value) => value): Value {
  if (!isMap(values)) return values;
  return Object.fromEntries(sortedKeys(values).map((key) => [key, inside(values[key])]));
}
