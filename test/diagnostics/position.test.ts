import { describe, expect, test } from 'vitest';
import { excerpt } from '../../src/diagnostics/excerpt.ts';
import { createPositionTable } from '../../src/diagnostics/position.ts';

describe('positions', () => {
  test('lines and columns are 1-based', () => {
    const table = createPositionTable('*filter\n-A INPUT\nCOMMIT\n');
    expect(table.lineCount).toBe(3);
    expect(table.position(0)).toEqual({ line: 1, column: 1 });
    expect(table.position(8)).toEqual({ line: 2, column: 1 });
    expect(table.position(11)).toEqual({ line: 2, column: 4 });
  });

  test('columns count code points, not UTF-16 units', () => {
    const table = createPositionTable('"😀é" x');
    expect(table.position('"😀é" '.length)).toEqual({ line: 1, column: 6 });
  });

  test('a carriage return belongs to the line end', () => {
    const table = createPositionTable('one\r\ntwo');
    expect(table.lineText(1)).toBe('one');
    expect(table.lineText(2)).toBe('two');
  });

  test('the empty text, the end of the text and offsets past it have a position', () => {
    expect(createPositionTable('').position(0)).toEqual({ line: 1, column: 1 });
    const table = createPositionTable('ab\n');
    expect(table.position(3)).toEqual({ line: 2, column: 1 });
    expect(table.position(99)).toEqual({ line: 2, column: 1 });
    expect(table.lineText(2)).toBe('');
  });
});

describe('excerpts', () => {
  test('a span inside a line', () => {
    const table = createPositionTable('*filter\n-A INPUT -j DORP\n');
    expect(excerpt(table, { start: 20, end: 24 })).toEqual({
      line: 2,
      column: 13,
      text: '-A INPUT -j DORP',
      start: 12,
      end: 16,
    });
  });

  test('a span over several lines ends with its first line', () => {
    const table = createPositionTable('one\ntwo\nthree');
    expect(excerpt(table, { start: 4, end: 13 })).toMatchObject({ line: 2, start: 0, end: 3 });
  });
});
