/**
 * Claims on host files: what makes the advisory locks of one machine known to the others that have the same folder as a volume. A machine
 * that locks anything of a file claims the file: to read it, together with others, or to write it, alone.
 *
 * Node has no fcntl(2) locks, and its own would bind nobody in the same process. A claim is a set of names in Linux' abstract socket
 * namespace (unix(7)) instead: SLOTS of them a file, by device and inode; a reader holds one, a writer all. The host's kernel hands each
 * out once and takes it back when its process ends, however that ends. Machines in other network namespaces, and native
 * programs, see nothing of it; neither does anybody where there is no Linux: there, claims are granted and mean nothing.
 */
import { createServer, type Server } from "node:net";
import { ENOLCK } from "../../kernel/abi/errno.ts";
import { FUSE_CLAIM_NONE, FUSE_CLAIM_READ } from "../../kernel/fs/fuse/protocol.ts";
import { HostTreeError } from "./host-tree.ts";

/** How many machines may read a file that they lock at once. */
const SLOTS = 8;
/** Files that one volume may claim at once; each costs up to SLOTS descriptors. */
const FILES_MAX = 1024;

interface ClaimedFile {
  readonly name: string;
  readonly slots: (Server | null)[];
}

export class FileClaims {
  readonly #files = new Map<string, ClaimedFile>();

  /**
   * Changes what this volume claims of a file: FUSE_CLAIM_NONE, FUSE_CLAIM_READ or FUSE_CLAIM_WRITE. False if another machine is in the
   * way; then the claim is what it was. Throws ENOLCK if too many files are claimed.
   */
  change(dev: bigint, ino: bigint, claim: number): boolean {
    if (process.platform !== "linux") return true;
    const name = `\0ringzero-claim-${dev}-${ino}`;
    if (claim !== FUSE_CLAIM_NONE && !this.#files.has(name) && this.#files.size >= FILES_MAX)
      throw new HostTreeError(ENOLCK);
    const file = this.#files.get(name) ?? { name, slots: new Array<Server | null>(SLOTS).fill(null) };
    const wanted = claim === FUSE_CLAIM_NONE ? 0 : claim === FUSE_CLAIM_READ ? 1 : SLOTS;
    const taken: number[] = [];
    let held = file.slots.filter((slot) => slot !== null).length;
    for (let slot = 0; slot < SLOTS && held < wanted; slot++) {
      if (file.slots[slot]) continue;
      const server = bind(`${name}-${slot}`);
      if (server) {
        file.slots[slot] = server;
        taken.push(slot);
        held++;
      } else if (wanted === SLOTS) break;
    }
    const granted = held >= wanted;
    if (!granted) for (const slot of taken) release(file, slot);
    else for (let slot = SLOTS - 1; held > wanted; slot--) if (release(file, slot)) held--;
    if (file.slots.some((slot) => slot !== null)) this.#files.set(name, file);
    else this.#files.delete(name);
    return granted;
  }

  close(): void {
    for (const file of this.#files.values()) for (let slot = 0; slot < SLOTS; slot++) release(file, slot);
    this.#files.clear();
  }
}

/** The name, or null if somebody has it. Node binds before `listen` returns, and says later why it could not. */
function bind(name: string): Server | null {
  const server = createServer();
  server.maxConnections = 0;
  server.on("error", () => {});
  server.listen(name);
  if (!server.listening) return null;
  server.unref();
  return server;
}

function release(file: ClaimedFile, slot: number): boolean {
  const server = file.slots[slot];
  if (!server) return false;
  server.close();
  file.slots[slot] = null;
  return true;
}
