/**
 * Volumes of a machine of several shards. What can only be read all shards see as it is. A folder that can be written belongs to one machine at
 * a time, so each shard gets one of its own in it, `shard-0` and so on; the keys in it are those of that shard of so many, which is why a
 * folder that another number of shards (or a machine without shards) has written to is refused.
 */
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Volume, VolumeSource } from "../options.ts";
import { UsageError } from "../usage-error.ts";

/** The volumes of each shard; makes their folders. */
export function shardVolumes(volumes: readonly Volume[], count: number): Record<string, VolumeSource>[] {
  for (const volume of volumes) if (!volume.readOnly) checkFolder(volume, count);
  return Array.from({ length: count }, (_, shard) =>
    Object.fromEntries(
      volumes.map(({ guestPath, hostPath, readOnly }) => {
        if (readOnly) return [guestPath, { host: hostPath, readOnly }];
        const host = join(hostPath, `shard-${shard}`);
        mkdirSync(host, { recursive: true });
        return [guestPath, { host, readOnly }];
      }),
    ),
  );
}

function checkFolder({ guestPath, hostPath }: Volume, count: number): void {
  const names = readdirSync(hostPath);
  const shards = names.filter((name) => /^shard-\d+$/.test(name)).length;
  if (shards === count || names.length === 0) return;
  const owner = shards > 0 ? `${shards} shards` : "a machine without shards";
  throw new UsageError(
    `volume ${guestPath}: ${hostPath} holds files of ${owner}, and each of ${count} shards would find others' keys: give the same number of shards, or an empty folder`,
  );
}
