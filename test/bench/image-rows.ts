/** Rows: how large the images are. */
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { imagePath } from "../server-process.ts";
import type { Row } from "./row.ts";

export function imageRows(names: readonly string[], wanted: (name: string) => boolean): Row[] {
  return names
    .map((image) => ({ image, name: `size of ${image}.wasm / gzipped` }))
    .filter(({ name }) => wanted(name))
    .map(({ image, name }) => {
      const bytes = readFileSync(imagePath(image));
      const detail = [bytes.length, gzipSync(bytes).length].map((size) => (size / 1e6).toFixed(2)).join(" / ");
      const row = { group: "images", name, unit: "MB", smallerIsBetter: true };
      return { ...row, readings: { guest: { value: bytes.length / 1e6, detail } }, missing: {} };
    });
}
