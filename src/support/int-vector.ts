/** A growable vector of 32-bit integers: columns of trees and tables that are too long for arrays of objects. */
export interface IntVector {
  readonly length: number;
  push(value: number): void;
  /** The value at an index below `length`; indices are not checked. */
  at(index: number): number;
  set(index: number, value: number): void;
}

/** An empty vector; `capacity` is only a first guess. */
export function intVector(capacity = 256): IntVector {
  let data = new Int32Array(capacity);
  let length = 0;
  return {
    get length() {
      return length;
    },
    push(value) {
      if (length === data.length) {
        const grown = new Int32Array(length * 2);
        grown.set(data);
        data = grown;
      }
      data[length++] = value;
    },
    at: (index) => data[index] as number,
    set: (index, value) => {
      data[index] = value;
    },
  };
}
