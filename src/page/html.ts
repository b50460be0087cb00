/** HTML that is put together from elements: texts are escaped on their way in, so that none can be forgotten. */

import { escapeHtml } from '../report/escape-html.ts';
import { jsonText } from '../report/escape-json.ts';

/** A piece of HTML, whole elements. */
export interface Html {
  readonly html: string;
}

/** What an element may hold: texts are escaped, nothing is left out. */
export type Content = Html | string | undefined | readonly Content[];

/** HTML that somebody else made: a picture of `report`, a script that was built. */
export function madeHtml(html: string): Html {
  return { html };
}

function printed(content: Content): string {
  if (content === undefined) return '';
  if (typeof content === 'string') return escapeHtml(content);
  if ('html' in content) return content.html;
  return content.map(printed).join('');
}

/** Elements without content. */
const empty: ReadonlySet<string> = new Set(['input', 'meta', 'br']);

/** An element. An attribute of `true` has no value; undefined and `false` leave it out. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number | boolean | undefined>>,
  ...content: readonly Content[]
): Html {
  const words = Object.entries(attributes).map(([key, value]) => {
    if (value === undefined || value === false) return '';
    return value === true ? ` ${key}` : ` ${key}="${escapeHtml(String(value))}"`;
  });
  const head = `<${name}${words.join('')}>`;
  return { html: empty.has(name) ? head : `${head}${printed(content)}</${name}>` };
}

/** Lines of preformatted text, each escaped by itself. */
export function lines(texts: readonly string[]): Html {
  return { html: texts.map(escapeHtml).join('\n') };
}

/** Data for the page's own script: JSON that no HTML parser finds an end of the element in. */
export function dataScript(id: string, data: unknown): Html {
  const json = jsonText(data).replace(/[<>&]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { html: `<script type="application/json" id="${escapeHtml(id)}">${json}</script>` };
}
