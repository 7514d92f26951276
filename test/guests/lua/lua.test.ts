/** Lua in Ringzero: what the native interpreter of the same version prints is what ours prints. */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { missingImage, missingProgram } from "../../server-process.ts";
import { type ProgramEnd, runProgram } from "../program-process.ts";

const missing = missingImage("lua") ?? missingProgram("lua5.4", ["-v"]);
if (missing) console.log(`lua: ${missing} (Debian: apt-get install lua5.4)`);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ringzero-lua-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The image on a script, with the folder at the same path in both worlds. */
function image(script: string, args: string[] = [], input = ""): Promise<ProgramEnd> {
  return runProgram("lua", input, { args: [script, ...args], volumes: [`${folder}:${folder}`] });
}

function native(script: string, args: string[] = [], input = ""): ProgramEnd {
  const { status, stdout, stderr } = spawnSync("lua5.4", [script, ...args], {
    input,
    encoding: "utf8",
    env: { ...process.env, TZ: "UTC" },
  });
  return { code: status ?? -1, stdout, stderr };
}

/** Runs `source` in both. `lua5.4` names itself in messages; everything else must agree. */
async function same(source: string, input = ""): Promise<ProgramEnd> {
  const script = join(folder, "script.lua");
  writeFileSync(script, source);
  const ours = await image(script, ["one", "two words"], input);
  const theirs = native(script, ["one", "two words"], input);
  const plain = (text: string): string => text.replace(/^lua5\.4:/gm, "lua:");
  expect({ ...ours, stderr: plain(ours.stderr) }).toEqual({ ...theirs, stderr: plain(theirs.stderr) });
  return ours;
}

describe.skipIf(missing)("lua", () => {
  test("a program of 200 lines prints and writes what it does natively", { timeout: 60_000 }, async () => {
    const script = join(folder, "report.lua");
    copyFileSync(fileURLToPath(new URL("./report.lua", import.meta.url)), script);
    const ours = await image(script, [folder]);
    const written = readFileSync(join(folder, "summary.json"), "utf8");
    rmSync(join(folder, "summary.json"));
    const theirs = native(script, [folder]);
    expect(ours.stderr).toBe("");
    expect(ours).toEqual(theirs);
    expect(ours.stdout.split("\n").length).toBeGreaterThan(15);
    expect(written).toBe(readFileSync(join(folder, "summary.json"), "utf8"));
  });

  test("coroutines: generators, symmetric ones, errors inside, close, wrap, 10,000 at once", {
    timeout: 60_000,
  }, async () => {
    const { stdout } = await same(`
      local function gen(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
      local sum = 0 for i in gen(1000) do sum = sum + i end print(sum)
      local co co = coroutine.create(function(a) print(coroutine.running() == co, coroutine.isyieldable(), a)
        local b = coroutine.yield(a * 2) error({ code = b }) end)
      print(coroutine.resume(co, 21)) print(coroutine.status(co))
      local ok, err = coroutine.resume(co, "why") print(ok, err.code, coroutine.status(co), coroutine.resume(co))
      local closed = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() print("closed") end }) coroutine.yield() end)
      coroutine.resume(closed) print(coroutine.close(closed), coroutine.status(closed))
      print(pcall(function() return coroutine.wrap(function() error("inside") end)() end))
      -- pcall, metamethods and iterators may be left and come back to
      local t = setmetatable({}, { __add = function(a, b) return coroutine.yield("adding") + b end })
      co = coroutine.create(function() return pcall(function() return t + 1 end) end)
      print(coroutine.resume(co)) print(coroutine.resume(co, 41))
      local many = {} for i = 1, 10000 do many[i] = gen(2) end
      local total = 0 for _, next in ipairs(many) do total = total + next() end for _, next in ipairs(many) do total = total + next() end print(total)
      print(select("#", coroutine.resume(coroutine.create(function() return 1, nil, nil end))))
    `);
    expect(stdout).toContain("500500");
  });

  test("pcall and error: values, levels, nesting, tracebacks, deep recursion, out of stack", {
    timeout: 60_000,
  }, async () => {
    await same(`
      print(pcall(error)) print(pcall(error, nil)) print(#select(2, pcall(error, { 1 })))
      print(select(2, pcall(error, "with level 0", 0)), select(2, pcall(error, "message", 1)))
      local function a() error("deep", 2) end local function b() a() end print(pcall(b))
      print(pcall(pcall, error, "x")) print(xpcall(error, function(m) return m .. "!" end, "y"))
      print(xpcall(function() local t = nil; t.x = 1 end, debug.traceback))
      print(pcall(string.rep)) print(pcall(string.format, "%d", 1.5)) print(pcall(setmetatable, 1, {}))
      local function recurse(n) if n == 0 then return 0 end return 1 + recurse(n - 1) end print(recurse(15000))
      local function forever() return 1 + forever() end local ok, message = pcall(forever) print(ok, message:match("stack overflow"))
      local t = setmetatable({}, { __index = function(t, k) error("no field " .. k, 2) end }) print(pcall(function() return t.nothing end))
      print(pcall(function() for i = 1, 10, 0 do end end)) print(pcall(function() return #5 end)) print(pcall(function() return {} < {} end))
      goto done do print("not printed") end ::done:: print(pcall(load, nil)) assert(false, "the end of the script")
    `);
  });

  test("string.format, patterns and numbers", { timeout: 60_000 }, async () => {
    await same(String.raw`
      for _, f in ipairs { "%d", "%5d", "%-5d|", "%05d", "%+d", "%x", "%X", "%#x", "%o", "%c", "%i" } do print(f, string.format(f, 65)) end
      for _, f in ipairs { "%f", "%.2f", "%10.3f", "%e", "%g", "%G", "%.0f", "%+.1f", "%s" } do
        for _, n in ipairs { 0, -0.0, 1.5, 1e100, 123456789.123, 1 / 3, math.huge, -math.huge, 5e-324 } do io.write(string.format(f, n), " ") end print()
      end
      print(string.format("%q %s %10s|%-10s|%.2s", 'a "quoted"\n\0\r line', nil, "right", "left", "cut"), string.format("%q", 1 / 3), string.format("%%"))
      print(math.tointeger(3.0), 3 | 0, pcall(function() return 3.5 | 0 end)) print(10 // 3, -10 // 3, 10 % -3, -10 % 3, 10.5 // 1, 2 ^ 63, 1e15, 1e16)
      print(0x7fffffffffffffff, 0xffffffffffffffff, 9007199254740993, tonumber("0x1p4"), tonumber("10", 2), tonumber("zz", 36), tonumber("  12  "), tonumber("1e"))
      print(("hello world"):gsub("o", "0"), ("key = value"):match("^(%w+)%s*=%s*(%w+)$"), ("x(y(z))"):match("%b()"), ("THE (quick) fox"):find("%((%a+)%)"))
      print(("abc"):rep(3, "-"), ("abc"):reverse(), ("abc"):byte(1, -1), ("%d+"):len(), ("a,b,,c"):gsub(",", ";", 2), ("äöü"):upper())
      for k, v in ("a=1, b=2"):gmatch("(%w+)=(%w+)") do io.write(k, v, ";") end print() print(("one two"):gsub("%w+", { one = 1 }), ("abc"):gsub("", "-"))
      print(math.floor(-3.7), math.ceil(-3.2), math.fmod(-7, 3), math.ult(1, -1), math.abs(math.mininteger), math.sqrt(2), math.sin(1), math.exp(1), math.log(8, 2))
      print(8 // 0.0, -8 // 0.0, 0 / 0 ~= 0 / 0, pcall(function() return 1 // 0 end)) print(#table.pack(table.unpack({ 1, 2, nil, 4 }, 1, 4)), table.concat({ 1, 2.5, "x" }, "/"))
    `);
  });

  test("io: files in a volume, standard input, modes, buffers, errors", { timeout: 60_000 }, async () => {
    const { stdout } = await same(
      `
      print(...) print(arg[0] ~= nil, arg[1], arg[2], #arg)
      print(io.read("n"), io.read("n"), io.read("l"), io.read("L"), io.read(5), io.read(0)) for line in io.lines() do io.write("[", line, "]") end print(io.read(0), io.read("a"))
      local name = arg[0]:gsub("script.lua", "data.bin") local f = assert(io.open(name, "w+b"))
      print(f:write("line one\\n", 2, " ", 3.5, "\\n", "\\0\\255 binary") == f) print(f:seek("cur"), f:seek("set", 5), f:read("l"), f:read("n", "n"), f:seek("end", -6), f:read("a"))
      print(f:setvbuf("full", 1024), f:close(), pcall(f.read, f), io.type(f), io.type(io.stdout), tostring(f))
      f = io.open(name, "a") f:write("more") f:close() f = io.open(name, "r+") f:write("LINE") f:close() for line in io.lines(name) do print(#line) end
      print(io.open(name .. "/none"), io.open("/nowhere/at/all", "w")) print(pcall(io.lines, "/nowhere")) print(pcall(io.open, name, "zz"))
      local t = io.tmpfile() t:write(("x"):rep(100000)) t:seek("set") print(#t:read("a")) t:close()
      local big = io.open(name, "w") for i = 1, 20000 do big:write(i, "\\n") end big:close() local n = 0 for line in io.lines(name) do n = n + tonumber(line) end print(n)
      print(os.remove(name), os.remove(name)) io.stderr:write("to stderr\\n") io.output():write("done\\n")
      os.exit(7, true)
    `,
      "12 0x1F rest of line\nsecond\nthird line\nlast",
    );
    expect(stdout).toContain("200010000");
  });

  test("os: time, environment, files, exit codes", { timeout: 60_000 }, async () => {
    await same(`
      print(os.time({ year = 2000, month = 1, day = 1, hour = 0 }), os.date("!%c", 0), os.date("!%A %d %B %Y %j %U %p %%", 1e9), os.difftime(5, 3))
      print(os.date("!*t", 86400).yday, pcall(os.date, "%Ez", 0), os.getenv("RINGZERO_NOT_SET"), type(os.clock()), os.time() > 1.7e9)
      local name = os.tmpname() print(io.open(name, "w") ~= nil, os.rename(name, name .. "x"), os.remove(name .. "x"), select(3, os.remove(name))) print(os.setlocale("C"), os.setlocale())
      collectgarbage() print(collectgarbage("count") > 0, collectgarbage("step"), collectgarbage("isrunning")) os.exit(true)
    `);
    for (const [code, status] of [
      ["os.exit(3)", 3],
      ["os.exit(false)", 1],
      ["error('x')", 1],
    ] as const) {
      expect((await same(code)).code).toBe(status);
    }
  });

  test("a script on standard input, -e, -l and -v", { timeout: 60_000 }, async () => {
    expect(await runProgram("lua", "print('from', 'stdin', ...)", { args: ["-", "argument"] })).toMatchObject({
      code: 0,
      stdout: "from\tstdin\targument\n",
    });
    const { stdout } = await runProgram("lua", "", {
      args: ["-e", "x = 5", "-l", "math", "-e", "print(x, math.pi)", "-v"],
    });
    expect(stdout).toContain("Lua 5.4.4");
    expect(stdout).toContain("5\t3.14159");
    writeFileSync(join(folder, "own.lua"), "return { answer = 42 }");
    const path = `package.path = '${folder}/?.lua'; print(require('own').answer, package.loaded.own.answer)`;
    const required = await runProgram("lua", "", { args: ["-e", path], volumes: [`${folder}:${folder}`] });
    expect(required.stdout).toBe("42\t42\n");
  });
});
