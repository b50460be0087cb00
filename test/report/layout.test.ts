import { expect, test } from 'vitest';
import { table, wrap } from '../../src/report/layout.ts';

test('text wraps between words, long words stay whole', () => {
  expect(wrap('one two three averyveryverylongword x', { columns: 12 }, { first: '- ', rest: '  ' })).toEqual(
    ['- one two', '  three', '  averyveryverylongword', '  x'],
  );
});

test('wide characters count as two columns', () => {
  expect(wrap('東京 東京', { columns: 8 })).toEqual(['東京', '東京']);
});

test('columns of a table line up, also under wide characters', () => {
  expect(
    table([
      ['東京', 'x', 'end'],
      ['a', 'yy', ''],
    ]),
  ).toEqual(['東京  x   end', 'a     yy']);
});
