/**
 * Redis Cluster of three masters in Ringzero and three native replicas, made by `redis-cli --cluster create`: a master is killed while
 * clients write, its replica takes over, and every write that WAIT 1 has acknowledged is there.
 */
import { expect, test } from "vitest";
import { freePort, type ServerProcess } from "../../server-process.ts";
import { eventually } from "../redis/redis-machine.ts";
import { ReplyError, RespConnection } from "../redis/resp-connection.ts";
import { cli, connection, emptyFolder, image, missingForRedisServer, native } from "./redis-servers.ts";

const missing = missingForRedisServer("cluster");

const PAIRS = 3;
/** The port that the nodes talk to each other on is theirs plus so much. */
const BUS_OFFSET = 10_000;
const NODE_TIMEOUT_MS = 2000;
const options = [
  ["--cluster-enabled", "yes"],
  ["--cluster-node-timeout", String(NODE_TIMEOUT_MS)],
  ["--cluster-announce-ip", "127.0.0.1"],
  ["--appendonly", "yes"],
  ["--appendfsync", "always"],
  ["--save", ""],
].flat();

async function clusterPort(): Promise<number> {
  for (;;) {
    const port = await freePort();
    if (port + BUS_OFFSET <= 0xffff) return port;
  }
}

function startImage(port: number, folder: string): Promise<ServerProcess> {
  const bus = port + BUS_OFFSET;
  const args = ["--port", String(port), ...options];
  return image(args, folder, { port, guestPort: port, publish: [`${bus}:${bus}`] });
}

interface Node {
  readonly id: string;
  readonly port: number;
  readonly flags: readonly string[];
  readonly master: string;
  readonly slots: readonly (readonly [number, number])[];
}

/** CLUSTER NODES, as one node sees it. */
async function nodesOf(client: RespConnection): Promise<Node[]> {
  const text = String(await client.call("CLUSTER", "NODES"));
  return text
    .trim()
    .split("\n")
    .map((line) => {
      const [id = "", address = "", flags = "", master = "", , , , , ...slots] = line.split(" ");
      return {
        id,
        master,
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        flags: flags.split(","),
        slots: slots.map((range) => range.split("-").map(Number)).map(([from = 0, to = from]) => [from, to] as const),
      };
    });
}

/** Appends numbers to a list in one slot; a number counts once a replica has it. */
class SlotWriter {
  readonly key: string;
  /** Numbers that a replica has acknowledged, in order. */
  readonly acknowledged: number[] = [];
  #next = 1;
  #stopping = false;

  constructor(key: string) {
    this.key = key;
  }

  stop(): void {
    this.#stopping = true;
  }

  /** Writes until told to stop; looks for the slot's master anew when the connection breaks or the node is not the one. */
  async run(portOf: () => Promise<number>): Promise<void> {
    let client: RespConnection | null = null;
    while (!this.#stopping) {
      try {
        client ??= await RespConnection.open(await portOf());
        const number = this.#next++;
        client.send("RPUSH", this.key, number);
        client.send("WAIT", 1, 500);
        const [pushed, replicas] = [await client.read(2000), await client.read(2000)];
        if (pushed instanceof ReplyError) throw pushed;
        if (replicas === 1) this.acknowledged.push(number);
      } catch {
        client?.close();
        client = null;
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    }
    client?.close();
  }
}

test.skipIf(missing)(
  "a cluster of images and native replicas survives the death of a master",
  { timeout: 240_000 },
  async () => {
    const ports: number[] = [];
    const masters: ServerProcess[] = [];
    const folders: string[] = [];
    for (let index = 0; index < PAIRS; index++) {
      const [port, folder] = [await clusterPort(), emptyFolder()];
      ports.push(port);
      folders.push(folder);
      masters.push(await startImage(port, folder));
    }
    for (let index = 0; index < PAIRS; index++) {
      const port = await clusterPort();
      ports.push(port);
      await native(options, emptyFolder(), port);
    }
    const addresses = ports.map((port) => `127.0.0.1:${port}`);
    const made = cli("--cluster", "create", ...addresses, "--cluster-replicas", "1", "--cluster-yes");
    expect(made).toContain("[OK] All 16384 slots covered.");
    const clients = await Promise.all(ports.map((port) => connection({ port })));
    const allUp = async (): Promise<boolean> => {
      const states = await Promise.all(clients.map(async (client) => String(await client.call("CLUSTER", "INFO"))));
      const links = await Promise.all(
        clients.slice(PAIRS).map(async (client) => String(await client.call("INFO", "replication"))),
      );
      return (
        states.every((text) => text.includes("cluster_state:ok")) &&
        links.every((text) => text.includes("master_link_status:up"))
      );
    };
    await eventually("all nodes agree and all replicas follow", allUp, 30_000);
    expect(cli("--cluster", "check", addresses[0] as string)).toContain("[OK] All 16384 slots covered.");

    const first = clients[0] as RespConnection;
    const before = await nodesOf(first);
    for (const port of ports.slice(0, PAIRS)) {
      const node = before.find((candidate) => candidate.port === port) as Node;
      expect(node.flags).toContain("master");
      expect(before.filter((candidate) => candidate.master === node.id)).toHaveLength(1);
    }
    // A key in the slots of each master.
    const keys: string[] = [];
    for (let index = 0; keys.length < PAIRS; index++) {
      const slot = Number(await first.call("CLUSTER", "KEYSLOT", `list:${index}`));
      const port = ports[keys.length] as number;
      const ranges = before.find((node) => node.port === port)?.slots ?? [];
      if (ranges.some(([from, to]) => from <= slot && slot <= to)) keys.push(`list:${index}`);
    }
    const victim = masters[1] as ServerProcess;
    const victimId = before.find((node) => node.port === victim.port)?.id ?? "";
    const heir = before.find((node) => node.master === victimId) as Node;
    let promoted = false;
    const writers = keys.map((key) => new SlotWriter(key));
    const running = writers.map((writer, index) =>
      writer.run(async () => (index === 1 && promoted ? heir.port : (ports[index] as number))),
    );
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect(writers.map((writer) => writer.acknowledged.length).every((count) => count > 20)).toBe(true);

    await victim.kill();
    await eventually(
      "the replica is promoted",
      async () => {
        const node = (await nodesOf(first)).find(({ id }) => id === heir.id);
        return node?.flags.includes("master") === true && node.slots.length > 0;
      },
      30_000,
    );
    promoted = true;
    const survivors = clients.filter((_, index) => index !== 1);
    await eventually(
      "the cluster is whole",
      async () =>
        (await Promise.all(survivors.map((client) => client.call("CLUSTER", "INFO")))).every((text) =>
          String(text).includes("cluster_state:ok"),
        ),
      30_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 1000));

    // The dead one comes back with its old data, and follows its heir.
    const returned = await startImage(victim.port, folders[1] as string);
    const back = await connection(returned);
    await eventually(
      "it follows",
      async () => /role:slave[\s\S]*master_link_status:up/.test(String(await back.call("INFO", "replication"))),
      30_000,
    );
    const heirClient = clients[ports.indexOf(heir.port)] as RespConnection;
    const written = writers[1]?.acknowledged.length ?? 0;
    await eventually(
      "writes to the heir are acknowledged by it",
      () => (writers[1]?.acknowledged.length ?? 0) > written + 20,
      20_000,
    );
    for (const writer of writers) writer.stop();
    await Promise.all(running);

    for (const [index, writer] of writers.entries()) {
      const client = index === 1 ? heirClient : (clients[index] as RespConnection);
      const list = new Set((await client.call("LRANGE", writer.key, 0, -1)) as string[]);
      const lost = writer.acknowledged.filter((number) => !list.has(String(number)));
      expect(lost, `${writer.key}: acknowledged writes that are lost, of ${writer.acknowledged.length}`).toEqual([]);
    }
    expect(cli("--cluster", "check", addresses[0] as string)).toContain("[OK] All 16384 slots covered.");
  },
);
