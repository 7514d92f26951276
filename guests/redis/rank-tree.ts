/**
 * The order of a big sorted set: a counted B+tree of (score, member) pairs.
 *
 * Why not a skip list: a leaf keeps 40 scores side by side, so a search touches a few
 * cache lines per level, an element costs about 16 bytes of order instead of 45, and
 * "how many come before" is a sum along the path.
 *
 * What always holds:
 * - a leaf holds 1 to LEAF_MAX pairs in ascending order; leaves are doubly linked;
 * - an inner node holds, per child, the child's first pair and the number of pairs below it;
 * - a pair's member is its entry in the sorted set's dict (dict.ts), owned by the dict and not by the
 *   tree; the entry outlives the pair.
 *
 * Called by zset-type.ts only. All positions are ranks counted from 0.
 */
import { alloc, free } from "../lib/raw/alloc";
import { compare } from "../lib/raw/bytes";
import { entryKey, entryLength } from "./dict";

const LEAF_MAX: u32 = 40;
const INNER_MAX: u32 = 48;
const LEAF_MIN: u32 = 10;
const INNER_MIN: u32 = 12;
const LEAF_MERGE: u32 = 30;
const INNER_MERGE: u32 = 36;

// Leaf: count, previous, next, -, scores, members.
const LEAF_SCORES: usize = 16;
const LEAF_MEMBERS: usize = LEAF_SCORES + 8 * 40;
const LEAF_SIZE: usize = LEAF_MEMBERS + 4 * 40;
// Inner node: count, -, -, -, first scores, first members, children, sizes.
const INNER_SCORES: usize = 16;
/** Both kinds of node have their scores at the same place. */
const FIRST_SCORE: usize = 16;
const INNER_MEMBERS: usize = INNER_SCORES + 8 * 48;
const INNER_CHILDREN: usize = INNER_MEMBERS + 4 * 48;
const INNER_SIZES: usize = INNER_CHILDREN + 4 * 48;
const INNER_SIZE: usize = INNER_SIZES + 4 * 48;

/** The tree's own fields, embedded in the sorted set (20 bytes). */
@unmanaged
export class RankTree {
  root: usize;
  /** Levels of inner nodes above the leaves. */
  height: u32;
  length: u32;
  head: usize;
  tail: usize;
}

// What the pairs left of a boundary have in common; each is monotone over the tree's order.
/** The score is below `keyScore`. */
export const BOUND_SCORE_BELOW: i32 = 0;
/** The score is at most `keyScore`. */
export const BOUND_SCORE_UPTO: i32 = 1;
/** The member is below the key, whatever the score (lexicographic ranges). */
export const BOUND_LEX_BELOW: i32 = 2;
/** The member is at most the key. */
export const BOUND_LEX_UPTO: i32 = 3;
/** The pair (score, member) is below the key's. */
export const BOUND_PAIR_BELOW: i32 = 4;

/** Cursor: the leaf and index that the last search, select or step ended at (leaf 0: past either end). */
export let cursorLeaf: usize = 0;
export let cursorIndex: u32 = 0;

// The path of the last descent, from the root down. A tree of 2^32 pairs is at most 8 levels high.
const pathNode: usize = memory.data(4 * 16);
const pathIndex: usize = memory.data(4 * 16);

// @ts-ignore: decorator
@inline
function isLeft(bound: i32, score: f64, member: usize, keyScore: f64, key: usize, keyLength: u32): bool {
  if (bound == BOUND_PAIR_BELOW) {
    if (score != keyScore) return score < keyScore;
    return compare(entryKey(member), entryLength(member), key, keyLength) < 0;
  }
  if (bound == BOUND_SCORE_BELOW) return score < keyScore;
  if (bound == BOUND_SCORE_UPTO) return score <= keyScore;
  const order = compare(entryKey(member), entryLength(member), key, keyLength);
  return bound == BOUND_LEX_BELOW ? order < 0 : order <= 0;
}

/**
 * Finds the first pair that is not left of the boundary and returns its rank (the length if there is none).
 * Leaves the path and the cursor; the cursor's index may equal the leaf's count.
 */
export function treeBoundary(tree: RankTree, bound: i32, keyScore: f64, key: usize, keyLength: u32): u32 {
  let node = tree.root;
  if (node == 0) {
    cursorLeaf = 0;
    cursorIndex = 0;
    return 0;
  }
  let rank: u32 = 0;
  const height = tree.height;
  for (let depth: u32 = 0; depth < height; depth++) {
    // The last child whose first pair is left of the boundary holds it (or the place right behind).
    let low: u32 = 1;
    let high = load<u32>(node);
    while (low < high) {
      const middle = (low + high) >>> 1;
      const score = load<f64>(node + (<usize>middle << 3), INNER_SCORES);
      const member = load<u32>(node + (<usize>middle << 2), INNER_MEMBERS);
      if (isLeft(bound, score, member, keyScore, key, keyLength)) low = middle + 1;
      else high = middle;
    }
    const index = low - 1;
    for (let i: u32 = 0; i < index; i++) rank += load<u32>(node + (<usize>i << 2), INNER_SIZES);
    store<u32>(pathNode + (<usize>depth << 2), node);
    store<u32>(pathIndex + (<usize>depth << 2), index);
    node = load<u32>(node + (<usize>index << 2), INNER_CHILDREN);
  }
  let low: u32 = 0;
  let high = load<u32>(node);
  while (low < high) {
    const middle = (low + high) >>> 1;
    const score = load<f64>(node + (<usize>middle << 3), LEAF_SCORES);
    const member = load<u32>(node + (<usize>middle << 2), LEAF_MEMBERS);
    if (isLeft(bound, score, member, keyScore, key, keyLength)) low = middle + 1;
    else high = middle;
  }
  cursorLeaf = node;
  cursorIndex = low;
  return rank + low;
}

/** Puts the cursor on the pair of that rank, which must exist. */
export function treeSelect(tree: RankTree, rank: u32): void {
  if (rank == 0) {
    cursorLeaf = tree.head;
    cursorIndex = 0;
    return;
  }
  if (rank == tree.length - 1) {
    cursorLeaf = tree.tail;
    cursorIndex = load<u32>(tree.tail) - 1;
    return;
  }
  let node = tree.root;
  for (let depth = tree.height; depth > 0; depth--) {
    let index: usize = 0;
    for (;;) {
      const size = load<u32>(node + (index << 2), INNER_SIZES);
      if (rank < size) break;
      rank -= size;
      index++;
    }
    node = load<u32>(node + (index << 2), INNER_CHILDREN);
  }
  cursorLeaf = node;
  cursorIndex = rank;
}

/** Puts the cursor back where it was. */
export function cursorSet(leaf: usize, index: u32): void {
  cursorLeaf = leaf;
  cursorIndex = index;
}

/** The member (dict entry) under the cursor. */
// @ts-ignore: decorator
@inline
export function cursorMember(): usize {
  return load<u32>(cursorLeaf + (<usize>cursorIndex << 2), LEAF_MEMBERS);
}

// @ts-ignore: decorator
@inline
export function cursorForward(): void {
  if (++cursorIndex == load<u32>(cursorLeaf)) {
    cursorLeaf = load<u32>(cursorLeaf, 8);
    cursorIndex = 0;
  }
}

// @ts-ignore: decorator
@inline
export function cursorBackward(): void {
  if (cursorIndex == 0) {
    cursorLeaf = load<u32>(cursorLeaf, 4);
    cursorIndex = cursorLeaf ? load<u32>(cursorLeaf) - 1 : 0;
  } else cursorIndex--;
}

function newLeaf(): usize {
  const leaf = alloc(LEAF_SIZE);
  store<u32>(leaf, 0);
  store<u32>(leaf, 0, 4);
  store<u32>(leaf, 0, 8);
  return leaf;
}

function newInner(): usize {
  const node = alloc(INNER_SIZE);
  store<u32>(node, 0);
  return node;
}

function leafInsert(leaf: usize, index: u32, score: f64, member: usize): void {
  const count = load<u32>(leaf);
  const scores = leaf + LEAF_SCORES + (<usize>index << 3);
  const members = leaf + LEAF_MEMBERS + (<usize>index << 2);
  const after = <usize>(count - index);
  if (after) {
    memory.copy(scores + 8, scores, after << 3);
    memory.copy(members + 4, members, after << 2);
  }
  store<f64>(scores, score);
  store<u32>(members, <u32>member);
  store<u32>(leaf, count + 1);
}

/** Moves `count` pairs of `from`, starting at `index`, behind the pairs of `to`. */
function leafMove(to: usize, from: usize, index: u32, count: u32): void {
  const have = load<u32>(to);
  memory.copy(to + LEAF_SCORES + (<usize>have << 3), from + LEAF_SCORES + (<usize>index << 3), <usize>count << 3);
  memory.copy(to + LEAF_MEMBERS + (<usize>have << 2), from + LEAF_MEMBERS + (<usize>index << 2), <usize>count << 2);
  store<u32>(to, have + count);
  store<u32>(from, load<u32>(from) - count);
}

function leafLinkAfter(tree: RankTree, leaf: usize, right: usize): void {
  const next = load<u32>(leaf, 8);
  store<u32>(right, <u32>leaf, 4);
  store<u32>(right, next, 8);
  store<u32>(leaf, <u32>right, 8);
  if (next) store<u32>(next, <u32>right, 4);
  else tree.tail = right;
}

function leafUnlink(tree: RankTree, leaf: usize): void {
  const previous = load<u32>(leaf, 4);
  const next = load<u32>(leaf, 8);
  if (previous) store<u32>(previous, next, 8);
  else tree.head = next;
  if (next) store<u32>(next, previous, 4);
  else tree.tail = previous;
  free(leaf);
}

/** Writes what an inner node knows about one of its children. `leafChild`: the child is a leaf. */
function innerDescribe(node: usize, index: u32, child: usize, leafChild: bool): void {
  let size: u32 = 0;
  const count = load<u32>(child);
  if (leafChild) {
    size = count;
    store<f64>(node + (<usize>index << 3), load<f64>(child, LEAF_SCORES), INNER_SCORES);
    store<u32>(node + (<usize>index << 2), load<u32>(child, LEAF_MEMBERS), INNER_MEMBERS);
  } else {
    for (let i: u32 = 0; i < count; i++) size += load<u32>(child + (<usize>i << 2), INNER_SIZES);
    store<f64>(node + (<usize>index << 3), load<f64>(child, INNER_SCORES), INNER_SCORES);
    store<u32>(node + (<usize>index << 2), load<u32>(child, INNER_MEMBERS), INNER_MEMBERS);
  }
  store<u32>(node + (<usize>index << 2), <u32>child, INNER_CHILDREN);
  store<u32>(node + (<usize>index << 2), size, INNER_SIZES);
}

/** Copies the first pair of a child, whose size is known already, up into its parent. */
// @ts-ignore: decorator
@inline
function innerFirst(node: usize, index: u32, child: usize, leafChild: bool): void {
  store<f64>(node + (<usize>index << 3), load<f64>(child, FIRST_SCORE), INNER_SCORES);
  const member = leafChild ? load<u32>(child, LEAF_MEMBERS) : load<u32>(child, INNER_MEMBERS);
  store<u32>(node + (<usize>index << 2), member, INNER_MEMBERS);
}

function innerShift(node: usize, to: u32, from: u32): void {
  const count = <usize>(load<u32>(node) - from);
  if (count == 0) return;
  memory.copy(node + INNER_SCORES + (<usize>to << 3), node + INNER_SCORES + (<usize>from << 3), count << 3);
  memory.copy(node + INNER_MEMBERS + (<usize>to << 2), node + INNER_MEMBERS + (<usize>from << 2), count << 2);
  memory.copy(node + INNER_CHILDREN + (<usize>to << 2), node + INNER_CHILDREN + (<usize>from << 2), count << 2);
  memory.copy(node + INNER_SIZES + (<usize>to << 2), node + INNER_SIZES + (<usize>from << 2), count << 2);
}

function innerInsert(node: usize, index: u32, child: usize, leafChild: bool): void {
  innerShift(node, index + 1, index);
  store<u32>(node, load<u32>(node) + 1);
  innerDescribe(node, index, child, leafChild);
}

function innerRemove(node: usize, index: u32): void {
  innerShift(node, index, index + 1);
  store<u32>(node, load<u32>(node) - 1);
}

function innerMove(to: usize, from: usize, index: u32, count: u32): void {
  const t = <usize>load<u32>(to);
  const f = <usize>index;
  const n = <usize>count;
  memory.copy(to + INNER_SCORES + (t << 3), from + INNER_SCORES + (f << 3), n << 3);
  memory.copy(to + INNER_MEMBERS + (t << 2), from + INNER_MEMBERS + (f << 2), n << 2);
  memory.copy(to + INNER_CHILDREN + (t << 2), from + INNER_CHILDREN + (f << 2), n << 2);
  memory.copy(to + INNER_SIZES + (t << 2), from + INNER_SIZES + (f << 2), n << 2);
  store<u32>(to, load<u32>(to) + count);
  store<u32>(from, load<u32>(from) - count);
}

/** Inserts a pair that is not in the tree yet. */
export function treeInsert(tree: RankTree, score: f64, member: usize): void {
  tree.length++;
  if (tree.root == 0) {
    const leaf = newLeaf();
    leafInsert(leaf, 0, score, member);
    tree.root = tree.head = tree.tail = leaf;
    tree.height = 0;
    return;
  }
  treeBoundary(tree, BOUND_PAIR_BELOW, score, entryKey(member), entryLength(member));
  const leaf = cursorLeaf;
  const index = cursorIndex;
  let added: usize = 0;
  if (load<u32>(leaf) < LEAF_MAX) leafInsert(leaf, index, score, member);
  else {
    added = newLeaf();
    leafLinkAfter(tree, leaf, added);
    if (index == LEAF_MAX && tree.tail == added) {
      // Ascending insertion: leave the left leaf full instead of half empty.
      leafInsert(added, 0, score, member);
    } else {
      const half = LEAF_MAX / 2;
      leafMove(added, leaf, half, LEAF_MAX - half);
      if (index > half) leafInsert(added, index - half, score, member);
      else leafInsert(leaf, index, score, member);
    }
  }
  let child = leaf;
  let leafChild = true;
  for (let depth = <i32>tree.height - 1; depth >= 0; depth--) {
    const node: usize = load<u32>(pathNode + (<usize>depth << 2));
    const at = load<u32>(pathIndex + (<usize>depth << 2));
    if (added == 0) {
      const size = node + (<usize>at << 2);
      store<u32>(size, load<u32>(size, INNER_SIZES) + 1, INNER_SIZES);
      innerFirst(node, at, child, leafChild);
    } else {
      innerDescribe(node, at, child, leafChild);
      if (load<u32>(node) < INNER_MAX) {
        innerInsert(node, at + 1, added, leafChild);
        added = 0;
      } else {
        const right = newInner();
        if (at + 1 == INNER_MAX) innerInsert(right, 0, added, leafChild);
        else {
          const half = INNER_MAX / 2;
          innerMove(right, node, half, INNER_MAX - half);
          if (at + 1 > half) innerInsert(right, at + 1 - half, added, leafChild);
          else innerInsert(node, at + 1, added, leafChild);
        }
        added = right;
      }
    }
    child = node;
    leafChild = false;
  }
  if (added) {
    const root = newInner();
    innerInsert(root, 0, child, leafChild);
    innerInsert(root, 1, added, leafChild);
    tree.root = root;
    tree.height++;
  }
}

/** Removes the pair (score, member); false if the tree does not hold it. The entry is not freed. */
export function treeRemove(tree: RankTree, score: f64, member: usize): bool {
  treeBoundary(tree, BOUND_PAIR_BELOW, score, entryKey(member), entryLength(member));
  const leaf = cursorLeaf;
  if (leaf == 0) return false;
  let index = cursorIndex;
  // A boundary at a leaf's end can only be the pair's place if the pair is absent: children are entered by first pair.
  if (index == load<u32>(leaf)) return removeAtNextLeaf(tree, member);
  if (cursorMember() != member) return false;
  removeUnderPath(tree, leaf, index);
  return true;
}

/** Moves a member from one score to another. */
export function treeRescore(tree: RankTree, from: f64, to: f64, member: usize): void {
  treeBoundary(tree, BOUND_PAIR_BELOW, from, entryKey(member), entryLength(member));
  const leaf = cursorLeaf;
  const index = cursorIndex;
  // It often keeps its place: then only the score changes. The first of a leaf is described further up: no short cut.
  if (index > 0 && index + 1 < load<u32>(leaf)) {
    const at = leaf + (<usize>index << 3);
    if (load<f64>(at - 8, LEAF_SCORES) < to && load<f64>(at + 8, LEAF_SCORES) > to) {
      store<f64>(at, to, LEAF_SCORES);
      return;
    }
  }
  treeRemove(tree, from, member);
  treeInsert(tree, to, member);
}

/** The boundary fell between two leaves: the pair is the first one of the next leaf, reached by its rank. */
function removeAtNextLeaf(tree: RankTree, member: usize): bool {
  const next = load<u32>(cursorLeaf, 8);
  if (next == 0 || load<u32>(next, LEAF_MEMBERS) != <u32>member) return false;
  for (let depth = <i32>tree.height - 1; depth >= 0; depth--) {
    const node: usize = load<u32>(pathNode + (<usize>depth << 2));
    const at = load<u32>(pathIndex + (<usize>depth << 2)) + 1;
    if (at == load<u32>(node)) continue;
    store<u32>(pathIndex + (<usize>depth << 2), at);
    let child: usize = load<u32>(node + (<usize>at << 2), INNER_CHILDREN);
    for (let below = <u32>depth + 1; below < tree.height; below++) {
      store<u32>(pathNode + (<usize>below << 2), child);
      store<u32>(pathIndex + (<usize>below << 2), 0);
      child = load<u32>(child, INNER_CHILDREN);
    }
    removeUnderPath(tree, child, 0);
    return true;
  }
  return false;
}

function removeUnderPath(tree: RankTree, leaf: usize, index: u32): void {
  tree.length--;
  const left = load<u32>(leaf) - 1;
  const after = <usize>(left - index);
  if (after) {
    const scores = leaf + LEAF_SCORES + (<usize>index << 3);
    const members = leaf + LEAF_MEMBERS + (<usize>index << 2);
    memory.copy(scores, scores + 8, after << 3);
    memory.copy(members, members + 4, after << 2);
  }
  store<u32>(leaf, left);

  let child = leaf;
  let leafChild = true;
  for (let depth = <i32>tree.height - 1; depth >= 0; depth--) {
    const node: usize = load<u32>(pathNode + (<usize>depth << 2));
    const at = load<u32>(pathIndex + (<usize>depth << 2));
    const size = node + (<usize>at << 2);
    store<u32>(size, load<u32>(size, INNER_SIZES) - 1, INNER_SIZES);
    if (load<u32>(child) == 0) {
      if (leafChild) leafUnlink(tree, child);
      else free(child);
      innerRemove(node, at);
    } else {
      innerFirst(node, at, child, leafChild);
      if (load<u32>(child) < (leafChild ? LEAF_MIN : INNER_MIN)) mergeAround(tree, node, at, leafChild);
    }
    child = node;
    leafChild = false;
  }
  let root = tree.root;
  while (tree.height > 0 && load<u32>(root) <= 1) {
    const only = load<u32>(root) ? load<u32>(root, INNER_CHILDREN) : 0;
    free(root);
    root = only;
    tree.height--;
    if (root == 0) tree.height = 0;
  }
  if (root != 0 && tree.height == 0 && load<u32>(root) == 0) {
    leafUnlink(tree, root);
    root = 0;
  }
  tree.root = root;
}

/** Joins a sparse child with a neighbour if both fit one node with room to spare. */
function mergeAround(tree: RankTree, node: usize, at: u32, leafChild: bool): void {
  const limit = leafChild ? LEAF_MERGE : INNER_MERGE;
  const count = load<u32>(node);
  const child = load<u32>(node + (<usize>at << 2), INNER_CHILDREN);
  let left: u32;
  if (at + 1 < count && load<u32>(child) + load<u32>(load<u32>(node + (<usize>(at + 1) << 2), INNER_CHILDREN)) <= limit) left = at;
  else if (at > 0 && load<u32>(child) + load<u32>(load<u32>(node + (<usize>(at - 1) << 2), INNER_CHILDREN)) <= limit) left = at - 1;
  else return;
  const into = load<u32>(node + (<usize>left << 2), INNER_CHILDREN);
  const from = load<u32>(node + (<usize>(left + 1) << 2), INNER_CHILDREN);
  if (leafChild) {
    leafMove(into, from, 0, load<u32>(from));
    leafUnlink(tree, from);
  } else {
    innerMove(into, from, 0, load<u32>(from));
    free(from);
  }
  innerDescribe(node, left, into, leafChild);
  innerRemove(node, left + 1);
}

function freeNode(node: usize, height: u32): void {
  if (height > 0) {
    const count = load<u32>(node);
    for (let i: u32 = 0; i < count; i++) freeNode(load<u32>(node + (<usize>i << 2), INNER_CHILDREN), height - 1);
  }
  free(node);
}

/** Frees the nodes, not the members. */
export function treeFree(tree: RankTree): void {
  if (tree.root) freeNode(tree.root, tree.height);
  tree.root = tree.head = tree.tail = 0;
  tree.height = tree.length = 0;
}

/** Bytes of all nodes, for MEMORY USAGE; estimated from the leaves' average fill above 1,000 leaves. */
export function treeBytes(tree: RankTree): usize {
  let leaves: usize = 0;
  for (let leaf = tree.head; leaf; leaf = load<u32>(leaf, 8)) leaves++;
  return leaves * LEAF_SIZE + (tree.height ? (leaves / 24 + 1) * INNER_SIZE : 0);
}

/** Empties and replaces the root fields; the memory must be fresh. */
export function treeInit(tree: RankTree): void {
  tree.root = tree.head = tree.tail = 0;
  tree.height = tree.length = 0;
}
