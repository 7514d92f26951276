/**
 * What a guest's requests allocate in JavaScript, from a sampled allocation profile: bytes a request by function, and by whose function it is. Node
 * allocates for every write (its request object) and every read (what its callbacks need); the machine's own code shall not.
 */

export interface AllocationNode {
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly selfSize: number;
  readonly children: readonly AllocationNode[];
}

export interface Allocations {
  /** Bytes a request. */
  readonly ours: number;
  readonly node: number;
  readonly functions: readonly { readonly name: string; readonly ours: boolean; readonly bytes: number }[];
}

export function readAllocations(head: AllocationNode, requests: number): Allocations {
  const functions = new Map<string, { name: string; ours: boolean; bytes: number }>();
  const visit = ({ callFrame, selfSize, children }: AllocationNode): void => {
    const file = /\/((?:kernel|host)\/.*\.ts)$/.exec(callFrame.url)?.[1];
    const ours = file !== undefined || callFrame.url.startsWith("wasm:");
    const name = `${callFrame.functionName || "(native)"}${file ? ` ${file}` : callFrame.url ? ` ${callFrame.url}` : ""}`;
    const known = functions.get(name) ?? { name, ours, bytes: 0 };
    known.bytes += selfSize / requests;
    functions.set(name, known);
    children.forEach(visit);
  };
  visit(head);
  const all = [...functions.values()].sort((a, b) => b.bytes - a.bytes);
  const sum = (ours: boolean): number => all.reduce((bytes, one) => bytes + (one.ours === ours ? one.bytes : 0), 0);
  return { ours: sum(true), node: sum(false), functions: all };
}
