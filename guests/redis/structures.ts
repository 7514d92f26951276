/**
 * Not part of the server: the container structures by themselves, as exports for test/guests/redis/structures.test.ts, which
 * drives them at random beside a model. Objects and strings are addresses in linear memory.
 */
import { registerContainerCommands } from "./container";
import { heapInit, alloc, free, usedBytes } from "../lib/raw/alloc";
import { configDefaults, cfg } from "./server";
import { Obj, objRelease } from "./object";
import * as L from "./list-type";
import * as Q from "./quicklist";
import * as Z from "./zset-type";
import * as H from "./hash-type";
import * as S from "./set-type";
import { hashInit } from "../lib/raw/bytes";

export { alloc, free };
export function init(): void {
  heapInit();
  registerContainerCommands();
  configDefaults();
  hashInit(12345, 6789);
}
export function used(): f64 {
  return <f64>usedBytes;
}
export function setCfg(fill: i32, ze: i32, he: i32, si: i32): void {
  cfg.listMaxListpackSize = fill;
  cfg.zsetMaxListpackEntries = ze;
  cfg.hashMaxListpackEntries = he;
  cfg.setMaxIntsetEntries = si;
}
export function release(o: usize): void {
  objRelease(changetype<Obj>(o));
}
export function itemPtr(): usize {
  return Q.itemPtr;
}
export function itemLen(): u32 {
  return Q.itemLength;
}
export function listNew(): usize {
  return changetype<usize>(L.listNew());
}
export function listLen(o: usize): u32 {
  return L.listLength(changetype<Obj>(o));
}
export function listPush(o: usize, head: bool, p: usize, n: u32): void {
  L.listPush(changetype<Obj>(o), head, p, n);
}
export function listPeek(o: usize, head: bool): void {
  L.listPeek(changetype<Obj>(o), head);
}
export function listDrop(o: usize, head: bool): void {
  L.listDrop(changetype<Obj>(o), head);
}
export function listSeek(o: usize, i: i32): bool {
  return Q.quicklistSeek(L.listOf(changetype<Obj>(o)), i);
}
export function listFwd(): bool {
  return Q.quicklistForward();
}
export function listBack(): bool {
  return Q.quicklistBackward();
}
export function listInsB(o: usize, p: usize, n: u32): void {
  Q.quicklistInsertBefore(L.listOf(changetype<Obj>(o)), p, n);
}
export function listInsA(o: usize, p: usize, n: u32): void {
  Q.quicklistInsertAfter(L.listOf(changetype<Obj>(o)), p, n);
}
export function listRepl(o: usize, i: i32, p: usize, n: u32): void {
  Q.quicklistReplace(L.listOf(changetype<Obj>(o)), i, p, n);
}
export function listRange(o: usize, s: u32, n: u32): void {
  Q.quicklistRemoveRange(L.listOf(changetype<Obj>(o)), s, n);
}
export function listRemF(o: usize): bool {
  return Q.quicklistRemoveForward(L.listOf(changetype<Obj>(o)));
}
export function listRemB(o: usize): bool {
  return Q.quicklistRemoveBackward(L.listOf(changetype<Obj>(o)));
}
export function listDup(o: usize): usize {
  return L.listDuplicate(changetype<Obj>(o));
}
export function zNew(): usize {
  return changetype<usize>(Z.zsetNew(0));
}
export function zLen(o: usize): u32 {
  return Z.zsetLength(changetype<Obj>(o));
}
export function zAdd(o: usize, s: f64, p: usize, n: u32, opt: u32): u32 {
  return Z.zsetAdd(changetype<Obj>(o), s, p, n, opt);
}
export function zFind(o: usize, p: usize, n: u32): bool {
  return Z.zsetFind(changetype<Obj>(o), p, n);
}
export function zRem(o: usize, p: usize, n: u32): bool {
  return Z.zsetRemove(changetype<Obj>(o), p, n);
}
export function zRank(o: usize, p: usize, n: u32): i32 {
  return <i32>Z.zsetRank(changetype<Obj>(o), p, n);
}
export function zBound(o: usize, b: i32, s: f64, p: usize, n: u32): u32 {
  return Z.zsetBoundary(changetype<Obj>(o), b, s, p, n);
}
export function zRemRange(o: usize, a: u32, b: u32): void {
  Z.zsetRemoveRange(changetype<Obj>(o), a, b);
}
export function zWalk(o: usize, r: u32, back: bool): void {
  Z.zsetWalk(changetype<Obj>(o), r, back);
}
export function zStep(): void {
  Z.zsetStep();
}
export function zMember(): usize {
  return Z.zsetMember;
}
export function zMemberLen(): u32 {
  return Z.zsetMemberLength;
}
export function zScore(): f64 {
  return Z.zsetScore;
}
export function zDup(o: usize): usize {
  return Z.zsetDuplicate(changetype<Obj>(o));
}
export function hNew(): usize {
  return changetype<usize>(H.hashNew());
}
export function hLen(o: usize): u32 {
  return H.hashLength(changetype<Obj>(o));
}
export function hSet(o: usize, p: usize, n: u32, q: usize, m: u32): bool {
  return H.hashSet(changetype<Obj>(o), p, n, q, m);
}
export function hGet(o: usize, p: usize, n: u32): bool {
  return H.hashGet(changetype<Obj>(o), p, n);
}
export function hDel(o: usize, p: usize, n: u32): bool {
  return H.hashDelete(changetype<Obj>(o), p, n);
}
export function hVal(): usize {
  return H.hashValue;
}
export function hValLen(): u32 {
  return H.hashValueLength;
}
export function hField(): usize {
  return H.hashField;
}
export function hFieldLen(): u32 {
  return H.hashFieldLength;
}
export function hIter(o: usize): void {
  H.hashIterate(changetype<Obj>(o));
}
export function hNext(): bool {
  return H.hashNext();
}
export function hDup(o: usize): usize {
  return H.hashDuplicate(changetype<Obj>(o));
}
export function sNew(): usize {
  return changetype<usize>(S.setNew());
}
export function sLen(o: usize): u32 {
  return S.setLength(changetype<Obj>(o));
}
export function sAdd(o: usize, p: usize, n: u32): bool {
  return S.setAdd(changetype<Obj>(o), p, n);
}
export function sHas(o: usize, p: usize, n: u32): bool {
  return S.setHas(changetype<Obj>(o), p, n);
}
export function sRem(o: usize, p: usize, n: u32): bool {
  return S.setRemove(changetype<Obj>(o), p, n);
}
export function sIter(o: usize): void {
  S.setIterate(changetype<Obj>(o));
}
export function sNext(): bool {
  return S.setNext();
}
export function sEnd(): void {
  S.setIterateEnd();
}
export function sMember(): usize {
  return S.setMember;
}
export function sMemberLen(): u32 {
  return S.setMemberLength;
}
export function sDup(o: usize): usize {
  return S.setDuplicate(changetype<Obj>(o));
}
