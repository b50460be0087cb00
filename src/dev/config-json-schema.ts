/** JSON Schema of the files that users write, made from the schemas that read them. */

import { configSchema, suppressionsSchema } from '../cli/lint/config-schema.ts';
import { policySchema } from '../cli/policy/policy-schema.ts';

/** What of a valibot schema is looked at here; a schema with checks has them behind it in `pipe`. */
interface Schema {
  readonly type: string;
  readonly pipe?: readonly (Schema & { readonly description?: string; readonly requirement?: unknown })[];
  readonly wrapped?: Schema;
  readonly entries?: Readonly<Record<string, Schema>>;
  readonly item?: Schema;
  readonly value?: Schema;
  readonly options?: readonly unknown[];
}

/** A JSON Schema, as far as ours go. */
export type JsonSchema = Readonly<Record<string, unknown>>;

function convert(schema: Schema): JsonSchema {
  if (schema.type === 'optional' && schema.wrapped) return convert(schema.wrapped);
  const [first, ...actions] = schema.pipe ?? [];
  // A pipe may begin with a pipe.
  const base = first?.pipe ? convert(first) : convertBare(schema);
  return Object.assign({}, base, ...actions.map(constraint)) as JsonSchema;
}

function convertBare(schema: Schema): JsonSchema {
  switch (schema.type) {
    case 'string':
    case 'boolean':
      return { type: schema.type };
    case 'picklist':
      return { enum: schema.options };
    case 'array':
      return { type: 'array', items: convert(schema.item ?? { type: 'unknown' }) };
    case 'record':
      return { type: 'object', additionalProperties: convert(schema.value ?? { type: 'unknown' }) };
    case 'union':
      return { anyOf: (schema.options as readonly Schema[]).map(convert) };
    case 'strict_object': {
      const required = Object.entries(schema.entries ?? {}).flatMap(([key, value]) =>
        value.type === 'optional' ? [] : [key],
      );
      return {
        type: 'object',
        ...(required.length === 0 ? {} : { required }),
        additionalProperties: false,
        properties: Object.fromEntries(
          Object.entries(schema.entries ?? {}).map(([key, value]) => [key, convert(value)]),
        ),
      };
    }
    default:
      throw new TypeError(`no JSON Schema for "${schema.type}"`);
  }
}

function constraint(action: {
  readonly type: string;
  readonly description?: string;
  readonly requirement?: unknown;
}): JsonSchema {
  if (action.type === 'description') return { description: action.description };
  if (action.type === 'regex') return { pattern: (action.requirement as RegExp).source };
  if (action.type === 'non_empty') return { minLength: 1 };
  if (action.type === 'min_length') return { minItems: action.requirement };
  // Checks that are functions cannot be written down; the reader makes them.
  return {};
}

function document(title: string, schema: unknown): JsonSchema {
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title,
    ...convert(schema as Schema),
  };
}

/** Of `fwsim.yml`. */
export const configJsonSchema = (): JsonSchema =>
  document('Configuration of fwsim (fwsim.yml)', configSchema);

/** Of `.fwsim/suppressions.yml`. */
export const suppressionsJsonSchema = (): JsonSchema =>
  document('Suppressed findings of fwsim (.fwsim/suppressions.yml)', suppressionsSchema);

/** Of policy files. */
export const policyJsonSchema = (): JsonSchema =>
  document('Policy for fwsim test (*.policy.yml)', policySchema);

/** A schema as the text of its file. */
export function jsonSchemaText(schema: JsonSchema): string {
  return `${JSON.stringify(schema, null, 2)}\n`;
}

/** The keys of the configuration with their descriptions, as rows of a table in Markdown. */
export const configKeyTable = (): string => keyTable(configJsonSchema());

/** The keys of one test of a policy, likewise. */
export function policyKeyTable(): string {
  const { tests } = policyJsonSchema()['properties'] as Readonly<Record<string, JsonSchema>>;
  return keyTable(tests?.['items'] as JsonSchema);
}

function keyTable(whole: JsonSchema): string {
  const rows: string[] = [];
  const visit = (schema: JsonSchema, path: string): void => {
    const properties = schema['properties'] as Readonly<Record<string, JsonSchema>> | undefined;
    for (const [key, value] of Object.entries(properties ?? {})) {
      const name = path === '' ? key : `${path}.${key}`;
      rows.push(`| \`${name}\` | ${valueText(value)} | ${String(value['description'] ?? '')} |`);
      visit(value, name);
    }
  };
  visit(whole, '');
  return ['| key | value | meaning |', '| --- | --- | --- |', ...rows].join('\n');
}

function valueText(schema: JsonSchema): string {
  const { enum: choices, type, items, anyOf, additionalProperties } = schema;
  if (Array.isArray(choices)) return choices.join(', ');
  if (Array.isArray(anyOf)) return (anyOf as readonly JsonSchema[]).map(valueText).join(' or ');
  if (type === 'array') return `list of: ${valueText(items as JsonSchema)}`;
  if (type === 'object')
    return typeof additionalProperties === 'object'
      ? `for each: ${valueText(additionalProperties as JsonSchema)}`
      : 'keys below';
  return type === 'string' ? 'text' : 'true, false';
}
