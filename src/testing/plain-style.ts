import type { TerminalStyle } from '../report/diagnostics.ts';
import { createTheme } from '../report/theme.ts';

/** Messages of tests: no colour, since a test runner paints them itself. */
export const plainStyle: TerminalStyle = { columns: 100, theme: createTheme(false) };
