/** Bytes of a terminal to inputs, frames to bytes, and the line that is edited. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { editKey, editLine, insertText, type LineEditor } from '../../src/tui/state/line-editor.ts';
import { frameChange } from '../../src/tui/terminal/frame-writer.ts';
import { createKeyDecoder, type Input } from '../../src/tui/terminal/keys.ts';

/** All inputs of some pieces of bytes; a lone escape is told only after Node's wait. */
async function decode(...pieces: readonly string[]): Promise<readonly Input[]> {
  const inputs: Input[] = [];
  const decoder = createKeyDecoder((input) => inputs.push(input));
  for (const piece of pieces) decoder.write(new TextEncoder().encode(piece));
  await new Promise((resolve) => setTimeout(resolve, 600));
  decoder.close();
  return inputs;
}

const named = async (bytes: string) => (await decode(bytes)).map((i) => (i.kind === 'key' ? i.key : i.kind));

describe('keys', () => {
  test('have the names of the table of commands', async () => {
    expect(
      await named('jJ \r\n\t\u007f\u001b[A\u001b[1;2B\u001b[5~\u001b[H\u0004\u001a\u001b[Z\u001bOP\u001bb/'),
    ).toEqual([
      'j',
      'J',
      'space',
      'enter',
      'enter',
      'tab',
      'backspace',
      'up',
      'shift-down',
      'pageup',
      'home',
      'ctrl-d',
      'ctrl-z',
      'shift-tab',
      'f1',
      'alt-b',
      '/',
    ]);
  });

  test('a lone escape is a key', async () => expect(await named('\u001b')).toEqual(['esc']));

  test('clicks and the wheel have places, releases are no input', async () => {
    expect(await decode('\u001b[<0;5;3M\u001b[<0;5;3m\u001b[<65;1;1Mx')).toEqual([
      { kind: 'click', x: 4, y: 2 },
      { kind: 'wheel', by: 1, x: 0, y: 0 },
      { kind: 'key', key: 'x', text: 'x' },
    ]);
  });

  test('pasted text is one input, over several pieces too', async () => {
    expect(await decode('a\u001b[200~-p tcp\r', '-d é\u001b[201~q')).toEqual([
      { kind: 'key', key: 'a', text: 'a' },
      { kind: 'paste', text: '-p tcp\r-d é' },
      { kind: 'key', key: 'q', text: 'q' },
    ]);
  });
});

describe('frames', () => {
  /** What a terminal shows after the bytes: absolute rows only, as the writer uses them. */
  function show(screen: readonly string[], bytes: string): readonly string[] {
    const rows = [...screen];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a terminal reads them.
    for (const [, row, text] of bytes.matchAll(/\u001b\[(\d+);1H\u001b\[0m\u001b\[2K([^\u001b]*)/g))
      rows[Number(row) - 1] = text ?? '';
    return rows;
  }

  test('a change turns one frame into the next and touches no line that is the same', () => {
    const line = fc.constantFrom('', 'a', 'b', 'long line');
    fc.assert(
      fc.property(fc.array(line, { maxLength: 6 }), fc.array(line, { maxLength: 6 }), (before, after) => {
        const bytes = frameChange(before, after);
        const length = Math.max(before.length, after.length);
        const padded = (rows: readonly string[]) => Array.from({ length }, (_, i) => rows[i] ?? '');
        expect(show(padded(before), bytes)).toEqual(padded(after));
        if (padded(before).join('\n') === padded(after).join('\n'))
          expect(show([], bytes).filter(Boolean)).toEqual([]);
      }),
    );
  });

  test('nothing is written where nothing differs', () => expect(frameChange(['a'], ['a'])).toBe(''));
});

describe('the line editor', () => {
  test('moves and deletes by what a reader sees as a character', () => {
    const line = editLine('a👩‍👩‍👧e\u0301');
    expect(editKey(line, 'backspace')?.text).toBe('a👩‍👩‍👧');
    expect(editKey(editKey(line, 'left') as LineEditor, 'backspace')?.text).toBe('ae\u0301');
  });

  test('takes out words and ends', () => {
    expect(editKey(editLine('-p tcp --dport 80'), 'ctrl-w')?.text).toBe('-p tcp --dport ');
    expect(editKey(editLine('-p tcp'), 'ctrl-u')?.text).toBe('');
    expect(insertText(editLine('a'), 'b\nc\u001b[31m').text).toBe('ab c[31m');
  });

  test('the cursor stays in the text, whatever is pressed', () => {
    const key = fc.constantFrom(
      'left',
      'right',
      'home',
      'end',
      'backspace',
      'delete',
      'ctrl-w',
      'ctrl-k',
      'ctrl-left',
      'ctrl-right',
    );
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme' }),
        fc.array(fc.oneof(key, fc.string({ unit: 'grapheme', maxLength: 3 }))),
        (text, keys) => {
          let line = editLine(text);
          for (const k of keys) line = editKey(line, k) ?? insertText(line, k);
          expect(line.cursor).toBeGreaterThanOrEqual(0);
          expect(line.cursor).toBeLessThanOrEqual(line.text.length);
        },
      ),
    );
  });
});
