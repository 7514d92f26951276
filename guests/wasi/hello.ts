/** What a user of AssemblyScript's stock WASI shim writes: nothing in here knows of Ringzero, or of WASI. */
console.log("hello from " + process.argv.join(" "));
process.stderr.write("with " + process.env.get("NAME") + "\n");
const input = new ArrayBuffer(64);
console.log("read " + String.UTF8.decode(input.slice(0, process.stdin.read(input))));
assert(Date.now() > 1_600_000_000_000);
assert(performance.now() >= 0);
const random = new Uint8Array(32);
crypto.getRandomValues(random);
assert(random.some((byte) => byte !== 0));
process.exit(3);
