/**
 * A write load that knows afterwards what must be there, for tests that kill servers.
 */
import { expect } from "vitest";
import { ReplyError, RespConnection } from "./resp-connection.ts";

/**
 * Clients that write numbers: each appends 1, 2, 3, … to a list of its own and stores the last one; every fourth step is a
 * transaction on two more lists. Nothing else is needed to see a lost, doubled or half-done write.
 */
export class WriteLoad {
  /** The last number that was acknowledged, and the last one sent, a writer. */
  readonly acknowledged: number[];
  readonly sent: number[];
  readonly errors: string[] = [];
  #stopping = false;
  #done: Promise<unknown> | undefined;

  constructor(writers: number) {
    this.acknowledged = new Array(writers).fill(0);
    this.sent = new Array(writers).fill(0);
  }

  async begin(port: number): Promise<void> {
    this.#stopping = false;
    const connections = await Promise.all(this.sent.map(() => RespConnection.open(port)));
    this.#done = Promise.all(connections.map((connection, writer) => this.#write(connection, writer)));
  }

  /** Ends the writers: those whose connection broke have ended by themselves. */
  async end(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #write(connection: RespConnection, writer: number): Promise<void> {
    // Several requests on their way at once, as a pipelining client has them.
    const depth = 8;
    try {
      while (!this.#stopping) {
        const first = (this.sent[writer] ?? 0) + 1;
        for (let number = first; number < first + depth; number++) {
          connection.send("RPUSH", `list:${writer}`, number);
          connection.send("SET", `last:${writer}`, number);
          if (number % 4 === 0) {
            connection.send("MULTI");
            connection.send("RPUSH", `left:${writer}`, number);
            connection.send("RPUSH", `right:${writer}`, number);
            connection.send("EXEC");
          }
          this.sent[writer] = number;
        }
        for (let number = first; number < first + depth; number++) {
          for (let replies = number % 4 === 0 ? 6 : 2; replies > 0; replies--) {
            const reply = await connection.read();
            if (reply instanceof ReplyError) {
              this.errors.push(reply.message);
              return;
            }
          }
          this.acknowledged[writer] = number;
        }
      }
    } catch {
      // The server was killed: what is not acknowledged may or may not be there.
    } finally {
      connection.close();
    }
  }

  /** Compares with what a booted server has, and takes over from there. */
  async verify(port: number, context: string): Promise<void> {
    const connection = await RespConnection.open(port);
    for (const [writer, acknowledged] of this.acknowledged.entries()) {
      const where = `${context}, writer ${writer}`;
      const list = (await connection.call("LRANGE", `list:${writer}`, 0, -1)) as string[];
      expect(list.length, `${where}: list has every acknowledged write`).toBeGreaterThanOrEqual(acknowledged);
      expect(list.length, `${where}: list has nothing that was not sent`).toBeLessThanOrEqual(this.sent[writer] ?? 0);
      const disorder = list.findIndex((value, index) => Number(value) !== index + 1);
      expect(disorder, `${where}: list is 1, 2, 3, …`).toBe(-1);
      const last = Number((await connection.call("GET", `last:${writer}`)) ?? 0);
      expect(last, `${where}: last value`).toBeGreaterThanOrEqual(acknowledged);
      expect(list.length - last, `${where}: order of one connection's writes`).toBeOneOf([0, 1]);
      const left = (await connection.call("LRANGE", `left:${writer}`, 0, -1)) as string[];
      const right = (await connection.call("LRANGE", `right:${writer}`, 0, -1)) as string[];
      expect(right, `${where}: transactions are whole`).toEqual(left);
      expect(left.length, `${where}: acknowledged transactions`).toBeGreaterThanOrEqual(Math.floor(acknowledged / 4));
      // A cut between RPUSH and SET, or before the transaction: bring the three back in step for the next round.
      const next = list.length;
      await connection.call("SET", `last:${writer}`, next);
      for (let missing = left.length + 1; missing <= Math.floor(next / 4); missing++) {
        await connection.call("RPUSH", `left:${writer}`, missing * 4);
        await connection.call("RPUSH", `right:${writer}`, missing * 4);
      }
      this.acknowledged[writer] = next;
      this.sent[writer] = next;
    }
    connection.close();
  }

  get total(): number {
    return this.acknowledged.reduce((sum, count) => sum + count, 0);
  }
}
