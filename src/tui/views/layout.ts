/** Where everything stands on a terminal of some size. Views and the mouse read it. */

import type { State } from '../state/state.ts';

/** Which form the diagram takes: a list of lines, level in one line per frame, or level with a line per table. */
export type PathForm = 'list' | 'flat' | 'tall';

/** Rows and columns of the parts; rows count from 0 at the top. */
export interface Layout {
  readonly columns: number;
  readonly rows: number;
  readonly pathForm: PathForm;
  /** Rows of the diagram; 0 on screens without one. */
  readonly pathRows: number;
  /** First row of the list, and its height; its title stands above. */
  readonly listTop: number;
  readonly listRows: number;
  readonly listColumns: number;
  /** The explanation: beside the list, or below it. */
  readonly why: {
    readonly place: 'beside' | 'below' | 'none';
    readonly rows: number;
    readonly columns: number;
  };
}

/** Rows above the content: title, packet. */
export const headRows = 2;

/** The explanation of a finding or packet takes so many rows of a list that needs them, if half of it is so much. */
const detailRows = 8;

/**
 * Lays the screen out. `footRows` are those below the content, `size` is that of the list. `pathRowsOf` says how many rows
 * the diagram takes in a form; `undefined`: it does not fit.
 */
export function layoutOf(
  state: State,
  footRows: number,
  size: number,
  pathRowsOf: (form: PathForm, columns: number) => number | undefined,
): Layout {
  const { columns } = state.size;
  const { rows } = state.size;
  const content = Math.max(rows - headRows - footRows, 1);
  if (state.screen !== 'path') {
    const listRows = Math.max(content - 1, 1);
    // What a short list leaves free, and a row between them, is room to explain.
    const detail = ['findings', 'flow', 'diff'].includes(state.screen)
      ? Math.max(Math.min(detailRows, Math.floor(listRows / 2)), listRows - Math.max(size, 1) - 1)
      : 0;
    return {
      columns,
      rows,
      pathForm: 'list',
      pathRows: 0,
      listTop: headRows + 1,
      listRows: listRows - detail,
      listColumns: columns,
      why: { place: detail > 0 ? 'below' : 'none', rows: detail, columns },
    };
  }
  const forms: readonly PathForm[] =
    columns >= 120 && rows >= 30 ? ['tall', 'flat', 'list'] : columns >= 78 ? ['flat', 'list'] : ['list'];
  let pathForm: PathForm = 'list';
  let pathRows = 0;
  for (const form of forms) {
    const needed = pathRowsOf(form, columns);
    if (needed === undefined) continue;
    // The rules need some rows too, or there is nothing to step along.
    if (needed > content - 4 && form !== 'list') continue;
    pathForm = form;
    pathRows = Math.min(needed, Math.max(content - 4, 0));
    break;
  }
  const left = Math.max(content - pathRows - 1, 1);
  const beside = columns >= 120;
  const below = beside ? 0 : left >= 9 ? 4 : left >= 6 ? 2 : 0;
  const whyColumns = beside ? Math.min(Math.floor(columns * 0.36), 70) : columns;
  return {
    columns,
    rows,
    pathForm,
    pathRows,
    listTop: headRows + pathRows + 1,
    listRows: left - below,
    listColumns: beside ? columns - whyColumns - 1 : columns,
    why: {
      place: beside ? 'beside' : below > 0 ? 'below' : 'none',
      rows: beside ? left : below,
      columns: whyColumns,
    },
  };
}

/** First row of a list that is shown, so that the cursor's row is in the middle where it can be. */
export function windowTop(cursor: number, size: number, height: number): number {
  return Math.max(0, Math.min(cursor - Math.floor((height - 1) / 2), size - height));
}
