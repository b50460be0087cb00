import { visible } from './visible.ts';

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Code points that XML 1.0 has no way to write, beside those that `visible` takes out already. */
const noCharacter = /[\ufffe\uffff]/g;

/** Makes a piece of input plain text in XML, in element content and in quoted attributes alike. Source: XML 1.0, 2.2. */
export function escapeXml(text: string): string {
  return visible(text)
    .replace(noCharacter, (character) => `\\u${character.charCodeAt(0).toString(16)}`)
    .replace(/[&<>"']/g, (character) => entities[character] ?? '');
}

/** An element with its attributes; without content it closes itself. */
export function xmlElement(
  name: string,
  attributes: Readonly<Record<string, string | number | undefined>>,
  content?: readonly string[],
): string {
  const words = Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [` ${key}="${escapeXml(String(value))}"`],
  );
  const head = `<${name}${words.join('')}`;
  if (content === undefined) return `${head}/>`;
  const inner = content.flatMap((part) => part.split('\n')).map((line) => `  ${line}\n`);
  return inner.length === 0 ? `${head}></${name}>` : `${head}>\n${inner.join('')}</${name}>`;
}
