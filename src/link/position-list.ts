/** A list that is cheap to insert into and remove from anywhere: rules of a chain that `-I` and `-D` work on. */
export interface PositionList<T> extends Iterable<T> {
  readonly length: number;
  push(item: T): void;
  /** Puts items in front of the one at `index`; `index` may be the length. */
  insert(index: number, items: readonly T[]): void;
  at(index: number): T | undefined;
  replaceAt(index: number, item: T): void;
  removeAt(index: number): T | undefined;
  /** The first index that a test holds for, or -1. */
  findIndex(test: (item: T) => boolean): number;
  clear(): void;
}

/** Items that one run holds at most; runs are split in halves. */
const runMax = 1024;

/** An empty list. Inserting costs the number of runs and one run's length, not the length of the list. */
export function positionList<T>(): PositionList<T> {
  let runs: T[][] = [[]];
  let length = 0;
  /** The run that holds an index, and the index in it. */
  const locate = (index: number): readonly [run: number, offset: number] => {
    let rest = index;
    for (let r = 0; r < runs.length; r++) {
      const size = (runs[r] as T[]).length;
      if (rest < size || r === runs.length - 1) return [r, rest];
      rest -= size;
    }
    return [runs.length - 1, rest];
  };
  return {
    get length() {
      return length;
    },
    push(item) {
      const last = runs.at(-1) as T[];
      if (last.length < runMax) last.push(item);
      else runs.push([item]);
      length++;
    },
    insert(index, items) {
      const [r, offset] = locate(index);
      const run = runs[r] as T[];
      run.splice(offset, 0, ...items);
      length += items.length;
      if (run.length > runMax) runs.splice(r + 1, 0, run.splice(run.length >> 1));
    },
    at(index) {
      const [r, offset] = locate(index);
      return runs[r]?.[offset];
    },
    replaceAt(index, item) {
      const [r, offset] = locate(index);
      (runs[r] as T[])[offset] = item;
    },
    removeAt(index) {
      const [r, offset] = locate(index);
      const run = runs[r] as T[];
      const [removed] = run.splice(offset, 1);
      if (removed !== undefined) length--;
      if (run.length === 0 && runs.length > 1) runs.splice(r, 1);
      return removed;
    },
    findIndex(test) {
      let index = 0;
      for (const run of runs) {
        const found = run.findIndex(test);
        if (found >= 0) return index + found;
        index += run.length;
      }
      return -1;
    },
    clear() {
      runs = [[]];
      length = 0;
    },
    *[Symbol.iterator]() {
      for (const run of runs) yield* run;
    },
  };
}
