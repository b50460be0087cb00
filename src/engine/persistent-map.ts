/**
 * An immutable map from strings with cheap new versions: a hash array mapped trie. A simulation's state holds its
 * connections in it, so that every step back in time is free and a new state shares all but a path with the old.
 */

const bitsPerLevel = 5;
const levelMask = 31;
/** Beyond this depth all hash bits are used: a node is then a plain list. */
const levelMax = 6;

interface Leaf<V> {
  readonly kind: 0;
  readonly hash: number;
  readonly key: string;
  readonly value: V;
}

interface Branch<V> {
  readonly kind: 1;
  readonly bitmap: number;
  readonly children: readonly Node<V>[];
}

interface Collision<V> {
  readonly kind: 2;
  readonly leaves: readonly Leaf<V>[];
}

type Node<V> = Leaf<V> | Branch<V> | Collision<V>;

function hashOf(text: string): number {
  let h = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  return h ^ (h >>> 15);
}

function popcount(x: number): number {
  let n = x - ((x >>> 1) & 0x55555555);
  n = (n & 0x33333333) + ((n >>> 2) & 0x33333333);
  return Math.imul((n + (n >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function put<V>(node: Node<V> | undefined, level: number, leaf: Leaf<V>): Node<V> {
  if (node === undefined) return leaf;
  if (node.kind === 0 && node.key === leaf.key) return leaf;
  if (level > levelMax) {
    const leaves = node.kind === 2 ? node.leaves : node.kind === 0 ? [node] : [];
    return { kind: 2, leaves: [...leaves.filter((l) => l.key !== leaf.key), leaf] };
  }
  if (node.kind === 0) {
    const bit = 1 << ((node.hash >>> (level * bitsPerLevel)) & levelMask);
    return put({ kind: 1, bitmap: bit, children: [node] }, level, leaf);
  }
  if (node.kind === 2) return node;
  const bit = 1 << ((leaf.hash >>> (level * bitsPerLevel)) & levelMask);
  const at = popcount(node.bitmap & (bit - 1));
  const children = node.children.slice();
  if (node.bitmap & bit) children[at] = put(children[at], level + 1, leaf);
  else children.splice(at, 0, leaf);
  return { kind: 1, bitmap: node.bitmap | bit, children };
}

function remove<V>(node: Node<V>, level: number, hash: number, key: string): Node<V> | undefined {
  if (node.kind === 0) return node.key === key ? undefined : node;
  if (node.kind === 2) {
    const leaves = node.leaves.filter((l) => l.key !== key);
    return leaves.length > 1 ? { kind: 2, leaves } : leaves[0];
  }
  const bit = 1 << ((hash >>> (level * bitsPerLevel)) & levelMask);
  if (!(node.bitmap & bit)) return node;
  const at = popcount(node.bitmap & (bit - 1));
  const child = node.children[at];
  if (child === undefined) return node;
  const next = remove(child, level + 1, hash, key);
  if (next === child) return node;
  const children = node.children.slice();
  if (next === undefined) {
    children.splice(at, 1);
    return children.length === 0 ? undefined : { kind: 1, bitmap: node.bitmap & ~bit, children };
  }
  children[at] = next;
  return { kind: 1, bitmap: node.bitmap, children };
}

function* walk<V>(node: Node<V> | undefined): Generator<readonly [string, V]> {
  if (node === undefined) return;
  if (node.kind === 0) yield [node.key, node.value];
  else for (const child of node.kind === 1 ? node.children : node.leaves) yield* walk(child);
}

/** See the head of this file. Iteration order is by hash: the same for the same keys, whatever their history. */
export class PersistentMap<V> {
  readonly size: number;
  readonly #root: Node<V> | undefined;

  private constructor(root: Node<V> | undefined, size: number) {
    this.#root = root;
    this.size = size;
  }

  static empty<V>(): PersistentMap<V> {
    return new PersistentMap<V>(undefined, 0);
  }

  get(key: string): V | undefined {
    return this.#find(key, hashOf(key));
  }

  #find(key: string, hash: number): V | undefined {
    let node = this.#root;
    for (let level = 0; node !== undefined; level++) {
      if (node.kind === 0) return node.key === key ? node.value : undefined;
      if (node.kind === 2) return node.leaves.find((l) => l.key === key)?.value;
      const bit = 1 << ((hash >>> (level * bitsPerLevel)) & levelMask);
      if (!(node.bitmap & bit)) return undefined;
      node = node.children[popcount(node.bitmap & (bit - 1))];
    }
    return undefined;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  with(key: string, value: V): PersistentMap<V> {
    const hash = hashOf(key);
    const grown = this.#find(key, hash) === undefined ? 1 : 0;
    return new PersistentMap(put(this.#root, 0, { kind: 0, hash, key, value }), this.size + grown);
  }

  without(key: string): PersistentMap<V> {
    const hash = hashOf(key);
    if (this.#root === undefined || this.#find(key, hash) === undefined) return this;
    return new PersistentMap(remove(this.#root, 0, hash, key), this.size - 1);
  }

  entries(): Iterable<readonly [string, V]> {
    return walk(this.#root);
  }

  *values(): Generator<V> {
    for (const [, value] of walk(this.#root)) yield value;
  }
}
