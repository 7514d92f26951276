/**
 * A CPU profile of V8's as a flame graph: an SVG without scripts or fonts of its own, for a page of the docs. A frame is as wide as the time that
 * was spent in it and in what it called, callers are below, names of narrow frames are in their tooltips. Idle time is left out; frames too
 * narrow to be seen are, too.
 */

export interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
    readonly children?: readonly number[];
  }[];
  readonly samples?: readonly number[];
  readonly timeDeltas?: readonly number[];
}

/** Whose code a frame is. */
export type Owner = "guest" | "kernel" | "host" | "node" | "native";

export interface Frame {
  readonly name: string;
  readonly owner: Owner;
  readonly selfUs: number;
  readonly totalUs: number;
  readonly children: readonly Frame[];
}

const WIDTH = 1200;
const ROW = 17;
const TOP = 64;
/** Pixels below which a frame is not drawn. */
const NARROW = 0.6;
const COLOURS: Readonly<Record<Owner, string>> = {
  guest: "#e8743b",
  kernel: "#f2b134",
  host: "#8fc15a",
  node: "#6fa8dc",
  native: "#b8b8b8",
};
const LEGEND: Readonly<Record<Owner, string>> = {
  guest: "guest (Wasm)",
  kernel: "kernel/",
  host: "host/",
  node: "Node's JavaScript",
  native: "native code and the system's calls",
};

/** The call tree with times; calls of one function by one caller are one frame. */
export function readProfile(profile: CpuProfile): Frame {
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  const selfUs = new Map<number, number>();
  profile.samples?.forEach((id, index) => {
    selfUs.set(id, (selfUs.get(id) ?? 0) + Math.max(0, profile.timeDeltas?.[index] ?? 0));
  });
  const merge = (name: string, owner: Owner, ids: readonly number[]): Frame => {
    const groups = new Map<string, { name: string; owner: Owner; ids: number[] }>();
    for (const id of ids) {
      for (const child of byId.get(id)?.children ?? []) {
        const node = byId.get(child);
        if (!node || node.callFrame.functionName === "(idle)") continue;
        const frame = { name: nameOf(node.callFrame), owner: ownerOf(node.callFrame) };
        const key = `${frame.owner} ${frame.name}`;
        const group = groups.get(key);
        if (group) group.ids.push(child);
        else groups.set(key, { ...frame, ids: [child] });
      }
    }
    const children = [...groups.values()]
      .map((group) => merge(group.name, group.owner, group.ids))
      .filter(({ totalUs }) => totalUs > 0)
      .sort((a, b) => b.totalUs - a.totalUs);
    const self = ids.reduce((sum, id) => sum + (selfUs.get(id) ?? 0), 0);
    return { name, owner, selfUs: self, totalUs: children.reduce((sum, { totalUs }) => sum + totalUs, self), children };
  };
  return merge("all", "native", [profile.nodes[0]?.id ?? 1]);
}

type CallFrame = CpuProfile["nodes"][number]["callFrame"];

function ownerOf({ functionName, url }: CallFrame): Owner {
  if (url.startsWith("wasm:") || functionName.startsWith("wasm-")) return "guest";
  if (url.startsWith("node:")) return "node";
  if (/\/kernel\//.test(url)) return "kernel";
  if (/\/host\//.test(url)) return "host";
  return "native";
}

function nameOf(frame: CallFrame): string {
  const name = (frame.functionName || "(anonymous)").replace(/^guests\//, "");
  const file = /\/((?:kernel|host)\/.*)\.ts$/.exec(frame.url)?.[1];
  return file ? `${name} ${file}` : name;
}

/** Microseconds by owner, and the functions with the longest times of their own. */
export function summarize(root: Frame): { owners: Map<Owner, number>; functions: [name: string, selfUs: number][] } {
  const owners = new Map<Owner, number>();
  const functions = new Map<string, number>();
  const visit = (frame: Frame): void => {
    owners.set(frame.owner, (owners.get(frame.owner) ?? 0) + frame.selfUs);
    functions.set(frame.name, (functions.get(frame.name) ?? 0) + frame.selfUs);
    frame.children.forEach(visit);
  };
  visit(root);
  return { owners, functions: [...functions].sort((a, b) => b[1] - a[1]) };
}

export function flameGraph(root: Frame, title: string): string {
  const { owners } = summarize(root);
  const rows = depthOf(root, root.totalUs);
  const height = TOP + rows * ROW + 8;
  const share = (us: number): string => `${((us / root.totalUs) * 100).toFixed(1)} %`;
  const drawn: string[] = [];
  const draw = (frame: Frame, x: number, depth: number): void => {
    const width = (frame.totalUs / root.totalUs) * WIDTH;
    if (width < NARROW) return;
    const y = height - 8 - (depth + 1) * ROW;
    const name = escapeText(frame.name);
    const room = Math.floor((width - 4) / 6.7);
    const label =
      room < 3 ? "" : `<text x="${round(x + 3)}" y="${y + 12}">${escapeText(frame.name.slice(0, room))}</text>`;
    drawn.push(
      `<g><title>${name}: ${share(frame.totalUs)}, itself ${share(frame.selfUs)}</title>` +
        `<rect x="${round(x)}" y="${y}" width="${round(width - 0.3)}" height="${ROW - 1}" fill="${COLOURS[frame.owner]}"/>${label}</g>`,
    );
    let at = x;
    for (const child of frame.children) {
      draw(child, at, depth + 1);
      at += (child.totalUs / root.totalUs) * WIDTH;
    }
  };
  draw(root, 0, 0);
  const legend = (Object.keys(LEGEND) as Owner[]).map((owner, index) => {
    const x = 8 + index * 236;
    const text = `${LEGEND[owner]} ${share(owners.get(owner) ?? 0)}`;
    return `<rect x="${x}" y="34" width="12" height="12" fill="${COLOURS[owner]}"/><text x="${x + 18}" y="44">${escapeText(text)}</text>`;
  });
  const lines = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="monospace" font-size="11">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="20" font-size="14">${escapeText(title)}</text>`,
    ...legend,
    ...drawn,
    "</svg>",
  ];
  return `${lines.join("\n")}\n`;
}

/** Rows that are drawn. */
function depthOf(frame: Frame, allUs: number): number {
  if ((frame.totalUs / allUs) * WIDTH < NARROW) return 0;
  return 1 + Math.max(0, ...frame.children.map((child) => depthOf(child, allUs)));
}

function round(pixels: number): string {
  return pixels.toFixed(1);
}

function escapeText(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
