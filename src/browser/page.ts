/** What a page does: the form of the simulator, its answers, the fragment of the address, and the search. */

import { splitWords } from '../grammar/words.ts';
import type { PageData } from '../page/page-data.ts';
import type { PaintedPiece } from '../page/painted-text.ts';
import type { SimulatorAnswer, SimulatorQuestion, SimulatorResult } from '../page/simulator.ts';
import { formFields } from '../page/simulator-form.ts';
import { startWalker } from './walker.ts';

/** Fragments of this page's packets: `#walk?in=eth0&proto=tcp`. */
const fragmentHead = '#walk?';
/** Milliseconds without a key before the rules are searched. */
const searchDelay = 120;

function byId<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new TypeError(`the page has no ${id}`);
  return found as T;
}

function textElement(name: string, className: string, text: string): HTMLElement {
  const made = document.createElement(name);
  made.className = className;
  made.textContent = text;
  return made;
}

const painted = (pieces: readonly PaintedPiece[]): readonly HTMLElement[] =>
  pieces.map(({ text, paint }) => textElement('span', paint, text));

const form = byId<HTMLFormElement>('packet');
const answerBox = byId('answer');
const told = byId('told');
const toldBox = byId('told-box');
const data = JSON.parse(byId('page-data').textContent ?? '') as PageData;

// ------------------------------------------------------------------------------------------ the form

function fieldOf(name: string): HTMLInputElement {
  return form.elements.namedItem(name) as HTMLInputElement;
}

const words = (text: string): readonly string[] => splitWords(text).map((word) => word.text);

function readForm(): SimulatorQuestion {
  const packet = Object.entries(formFields.options).flatMap(([option, name]) => {
    const value = fieldOf(name).value.trim();
    return value === '' ? [] : [option, value];
  });
  return {
    packet: [...packet, ...words(fieldOf(formFields.more).value)],
    local: fieldOf(formFields.local).checked,
    assume: words(fieldOf(formFields.assume).value),
  };
}

const quoted = (word: string): string =>
  /^[^\s"'\\]+$/.test(word) ? word : `"${word.replace(/[\\"]/g, '\\$&')}"`;

/** Puts a packet into the form: each option into its field, the first time that it comes and unless it is negated. */
function fillForm({ packet, local, assume }: SimulatorQuestion): void {
  form.reset();
  const fields: Readonly<Record<string, string>> = formFields.options;
  const more: string[] = [];
  for (let i = 0; i < packet.length; i++) {
    const word = packet[i] ?? '';
    const name = Object.hasOwn(fields, word) ? fields[word] : undefined;
    const next = packet[i + 1];
    if (name !== undefined && next !== undefined && packet[i - 1] !== '!' && fieldOf(name).value === '') {
      fieldOf(name).value = next;
      i++;
    } else more.push(quoted(word));
  }
  fieldOf(formFields.more).value = more.join(' ');
  fieldOf(formFields.assume).value = assume.map(quoted).join(' ');
  fieldOf(formFields.local).checked = local;
}

// ------------------------------------------------------------------------------------------ answers

function clearAnswer(): void {
  for (const lit of document.querySelectorAll('[data-part]')) lit.removeAttribute('class');
  for (const line of document.querySelectorAll('.walked')) line.classList.remove('walked');
  answerBox.replaceChildren();
  told.replaceChildren();
  toldBox.hidden = true;
}

function light({ family, lit, stopped, rules }: SimulatorAnswer): void {
  const on = new Set(lit);
  const stops = new Set(stopped);
  for (const figure of document.querySelectorAll<HTMLElement>('figure[data-family]')) {
    if (figure.dataset['family'] !== family) continue;
    for (const part of figure.querySelectorAll<SVGElement>('[data-part]')) {
      const name = part.dataset['part'] ?? '';
      part.setAttribute('class', `${on.has(name) ? 'lit' : 'dim'}${stops.has(name) ? ' stopped' : ''}`);
    }
  }
  for (const name of rules) document.getElementById(name)?.classList.add('walked');
}

const simulator = startWalker(data, {
  answered: show,
  failed: (why) => show({ refused: [{ text: `the simulator does not run here: ${why}`, paint: 'red' }] }),
});

function walk(question: SimulatorQuestion): void {
  clearAnswer();
  answerBox.append(textElement('p', 'faint', 'walking …'));
  simulator.ask(question);
}

function show(result: SimulatorResult): void {
  clearAnswer();
  const box = document.createElement('div');
  box.className = 'ends';
  if ('refused' in result) {
    const text = document.createElement('pre');
    text.append(...painted(result.refused));
    box.append(text);
    answerBox.append(box);
    return;
  }
  const { answer, limit } = result;
  box.append(...answer.ends.map(({ text, tone }) => textElement('p', tone, text)));
  if (limit !== undefined) box.append(textElement('p', 'drop', limit));
  answerBox.append(box);
  told.append(...painted(answer.told));
  toldBox.hidden = false;
  light(answer);
}

// ------------------------------------------------------------------------------------------ the fragment

function fragmentOf(): string {
  const pairs = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value !== '') pairs.append(name, String(value));
  return `${fragmentHead}${pairs}`;
}

function followFragment(): void {
  const { hash } = window.location;
  if (!hash.startsWith(fragmentHead)) return;
  form.reset();
  for (const [name, value] of new URLSearchParams(hash.slice(fragmentHead.length))) {
    const field = form.elements.namedItem(name);
    if (!(field instanceof HTMLInputElement)) continue;
    if (field.type === 'checkbox') field.checked = value === field.value;
    else field.value = value;
  }
  walk(readForm());
}

/** Walks what is in the form; the address then leads to it. */
function ask(): void {
  const fragment = fragmentOf();
  if (fragment === window.location.hash) walk(readForm());
  // The event of the change walks it.
  else window.location.hash = fragment;
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  ask();
});
form.addEventListener('reset', () => {
  simulator.forget();
  clearAnswer();
});
window.addEventListener('hashchange', followFragment);

for (const button of document.querySelectorAll<HTMLButtonElement>('button.walk')) {
  button.hidden = false;
  button.addEventListener('click', () => {
    fillForm(JSON.parse(button.dataset['question'] ?? '') as SimulatorQuestion);
    ask();
    byId('walk').scrollIntoView();
    fieldOf(formFields.options['-i']).focus({ preventScroll: true });
  });
}

// ------------------------------------------------------------------------------------------ search

const search = byId<HTMLInputElement>('find');
let waiting: number | undefined;
function find(): void {
  const wanted = search.value.trim().toLowerCase();
  for (const chain of document.querySelectorAll<HTMLDetailsElement>('details.chain')) {
    let found = false;
    for (const line of chain.querySelectorAll<HTMLElement>('.rules li')) {
      const shown = wanted === '' || (line.textContent ?? '').toLowerCase().includes(wanted);
      if (line.hidden === shown) line.hidden = !shown;
      found ||= shown;
    }
    chain.hidden = !found && wanted !== '';
  }
}
search.addEventListener('input', () => {
  window.clearTimeout(waiting);
  waiting = window.setTimeout(find, searchDelay);
});

form.hidden = false;
search.hidden = false;
followFragment();
