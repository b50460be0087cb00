/** A list that is cheap to insert into and remove from anywhere: rules of a chain that `-I` and `-D` work on. */
export interface PositionList<T> extends Iterable<T> {
  readonly length: number;
  push(item: T): void;
  /** Puts items in front of the one at `index`; `index` may be the length. */
  insert(index: number, items: readonly T[]): void;
  removeAt(index: number): T | undefined;
  /** The first index that a test holds for, or -1. */
  findIndex(test: (item: T) => boolean): number;
  clear(): void;
}

/** Items that one run holds at most; runs are split in halves. */
const runMax = 1024;

/** An empty list. Inserting costs the number of runs and one run's length, not the length of the list. */
export function positionList<T>(): PositionList<T> {
  return new RunList<T>();
}

/** A class, since a large ruleset has a hundred thousand of them. */
class RunList<T> implements PositionList<T> {
  private runs: T[][] = [];
  length = 0;

  push(item: T): void {
    const last = this.runs[this.runs.length - 1];
    if (last !== undefined && last.length < runMax) last.push(item);
    else this.runs.push([item]);
    this.length++;
  }

  insert(index: number, items: readonly T[]): void {
    if (this.runs.length === 0) this.runs.push([]);
    const [r, offset] = this.locate(index);
    const run = this.runs[r] as T[];
    run.splice(offset, 0, ...items);
    this.length += items.length;
    if (run.length > runMax) this.runs.splice(r + 1, 0, run.splice(run.length >> 1));
  }

  removeAt(index: number): T | undefined {
    const [r, offset] = this.locate(index);
    const run = this.runs[r];
    if (run === undefined || offset >= run.length) return undefined;
    const [removed] = run.splice(offset, 1);
    this.length--;
    if (run.length === 0) this.runs.splice(r, 1);
    return removed;
  }

  findIndex(test: (item: T) => boolean): number {
    let index = 0;
    for (const run of this.runs) {
      const found = run.findIndex(test);
      if (found >= 0) return index + found;
      index += run.length;
    }
    return -1;
  }

  clear(): void {
    this.runs = [];
    this.length = 0;
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const run of this.runs) yield* run;
  }

  /** The run that holds an index, and the index in it. */
  private locate(index: number): readonly [run: number, offset: number] {
    let rest = index;
    for (let r = 0; r < this.runs.length; r++) {
      const size = (this.runs[r] as T[]).length;
      if (rest < size || r === this.runs.length - 1) return [r, rest];
      rest -= size;
    }
    return [0, rest];
  }
}
