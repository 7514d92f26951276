/** Numbers as text: what INCRBYFLOAT and scores answer, digit by digit. The right answers are those of redis-server 7.0.15 on x86-64. */
import { expect, test } from "vitest";
import { sharedRedis } from "./redis-machine.ts";
import { RespConnection } from "./resp-connection.ts";

const machine = await sharedRedis();
const connection = await RespConnection.open(machine.port);

/** Value, increment, answer. */
const increments = [
  ["0", "0.1", "0.1"],
  ["3.0", "1.1", "4.1"],
  ["1", "-1", "0"],
  ["5.0e3", "200", "5200"],
  ["0.1", "0.2", "0.3"],
  ["1e17", "1", "100000000000000001"],
  ["99999999999999999", "1", "100000000000000000"],
  ["0.00000000000000001", "0", "0.00000000000000001"],
  ["1e-17", "1e-18", "0.00000000000000001"],
  ["123456789.123456789", "0.000000001", "123456789.12345678999554366"],
  ["-1.5", "1.25", "-0.25"],
  ["0x10", "1", "17"],
  ["0x1.8p3", "0.5", "12.5"],
  ["17179869184", "1.5", "17179869185.5"],
  ["1e-5", "1e5", "100000.00001000000000317"],
  ["9007199254740993", "0.5", "9007199254740993.5"],
  ["18446744073709551615", "1", "18446744073709551616"],
  ["0.3", "-0.1", "0.2"],
  ["+1", "+2", "3"],
  [".5", "5.", "5.5"],
  ["1e18", "-1e-2", "1000000000000000000"],
  ["3018689460.797074", "-0.8117399161206349", "3018689459.98533408367075026"],
  ["-163655.69725848106", "8.94899401414975e+27", "8948994014149749999868575744"],
  ["0.1659938089208146", "-420781427336.6474", "-420781427336.48140618205070496"],
  ["-0.7644155238432633", "-2.552049145485376e+24", "-2552049145485376000098304"],
  ["-880797.6600675347", "-68796.26832065196", "-949593.92838818665995859"],
  ["5596592611.684875", "-9767.280889488873", "5596582844.40398551104590297"],
  ["-853598.265080664", "-9215854859.051247", "-9216708457.31632766406983137"],
  ["-3.7250497430380646e+18", "593783.9516431887", "-3725049743037470816"],
  ["-8.786611448055606e+16", "-1.0871846549815654e+19", "-10959712664296210060"],
  ["-0.3059894886230987", "-563584.4503606411", "-563584.75635012972310278"],
  ["742843.9482525988", "766767.6528830249", "1509611.60113562369997453"],
  ["0.4127934189930038", "-0.6981581884177821", "-0.2853647694247783"],
  ["-0.030074539317286764", "132682447412.78386", "132682447412.75378546118736267"],
  ["900447.8993653168", "559938.9814121455", "1460386.88077746229998866"],
  ["-0.20386073888869838", "969335.2015132187", "969334.99765247981127914"],
  ["0.20145452100896244", "-85936884769302.06", "-85936884769301.85854339599609375"],
  ["268819.1570678018", "-769292.9677823646", "-500473.8107145628000012"],
  ["-7.956247665036631e+17", "-0.4704862165656398", "-795624766503663100.5"],
  ["0.9019711457494042", "2858341613.9073715", "2858341614.80934264580719173"],
  ["0.6908951887654542", "-340670009904475.25", "-340670009904474.559112548828125"],
] as const;

/** What is given as a score, and how it reads afterwards. */
const scores = [
  ["0.1", "0.10000000000000001"],
  ["1e15", "1000000000000000"],
  ["1e16", "10000000000000000"],
  ["123456789012345678", "1.2345678901234568e+17"],
  ["1e17", "1e+17"],
  ["1e21", "1e+21"],
  ["1e22", "1e+22"],
  ["1.7976931348623157e308", "1.7976931348623157e+308"],
  ["5e-324", "4.9406564584124654e-324"],
  ["2.2250738585072014e-308", "2.2250738585072014e-308"],
  ["0.30000000000000004", "0.30000000000000004"],
  ["3.14159265358979", "3.14159265358979"],
  ["-0", "0"],
  ["1e-5", "1.0000000000000001e-05"],
  ["0.0001", "0.0001"],
  ["100", "100"],
  ["inf", "inf"],
  ["-inf", "-inf"],
  ["Infinity", "inf"],
  ["+5", "5"],
  ["0x1f", "31"],
  ["1.5e3", "1500"],
  ["9007199254740993", "9007199254740992"],
  ["99999999999999990", "99999999999999984"],
  ["1e-7", "9.9999999999999995e-08"],
  ["12345.678e-3", "12.345677999999999"],
  ["  1", "ERR value is not a valid float"],
  [" 1.5", "ERR value is not a valid float"],
  ["1 ", "ERR value is not a valid float"],
  ["", "ERR value is not a valid float"],
  ["nan", "ERR value is not a valid float"],
  ["1e400", "ERR value is not a valid float"],
  ["1e-400", "ERR value is not a valid float"],
  ["1.0e", "ERR value is not a valid float"],
  ["--1", "ERR value is not a valid float"],
  ["0x", "ERR value is not a valid float"],
  ["1e", "ERR value is not a valid float"],
  ["4.9406564584124654e-324", "4.9406564584124654e-324"],
  ["2.4703282292062327e-324", "ERR value is not a valid float"],
  ["-4.689128253227445e+47", "-4.6891282532274452e+47"],
  ["-37404900882.056725", "-37404900882.056725"],
  ["4.8891889123485164e-68", "4.8891889123485164e-68"],
  ["1.7415645814351736e-13", "1.7415645814351736e-13"],
  ["1.3087808816820187e+186", "1.3087808816820187e+186"],
  ["-1.1993653182754763e+66", "-1.1993653182754763e+66"],
  ["3.62502428300625e-62", "3.6250242830062499e-62"],
  ["4.8031302683796236e+299", "4.8031302683796236e+299"],
  ["-7.890460386087061e-24", "-7.8904603860870608e-24"],
  ["-5.789083059546687e+295", "-5.7890830595466869e+295"],
  ["-6.114926900127176e+49", "-6.1149269001271757e+49"],
  ["2.2423152312153185e+274", "2.2423152312153185e+274"],
  ["6.779048301501982e-70", "6.7790483015019817e-70"],
  ["-5.088065966122347e-179", "-5.0880659661223471e-179"],
  ["3.7027639610999215e+116", "3.7027639610999215e+116"],
  ["-3.331008319093603e+72", "-3.3310083190936031e+72"],
  ["-1.4884388187324959e-33", "-1.4884388187324959e-33"],
  ["1.0791887901409966e+123", "1.0791887901409966e+123"],
  ["-1.4299647765176006e+277", "-1.4299647765176006e+277"],
  ["2.2924808400735589e-209", "2.2924808400735589e-209"],
  ["1.0812088444412107e-182", "1.0812088444412107e-182"],
  ["4.894534771866121e+271", "4.8945347718661209e+271"],
  ["3.223900221186047e+108", "3.223900221186047e+108"],
  ["1.4830591812993337e+287", "1.4830591812993337e+287"],
  ["-2.4634109827844716e+290", "-2.4634109827844716e+290"],
] as const;

test.each(increments)("INCRBYFLOAT: %s + %s = %s", async (value, increment, answer) => {
  await connection.call("SET", "f", value);
  expect(await connection.call("INCRBYFLOAT", "f", increment)).toBe(answer);
  expect(await connection.call("GET", "f")).toBe(answer);
  await connection.call("DEL", "h");
  await connection.call("HSET", "h", "f", value);
  expect(await connection.call("HINCRBYFLOAT", "h", "f", increment)).toBe(answer);
});

test("INCRBYFLOAT refuses what is no number, and what would not be finite", async () => {
  for (const bad of ["", " 1", "1 ", "nan", "abc", "1e5000", "0x"]) {
    await connection.call("SET", "f", "1");
    expect(String(await connection.call("INCRBYFLOAT", "f", bad)), bad).toMatch(/ERR value is not a valid float/);
    await connection.call("SET", "f", bad);
    expect(String(await connection.call("INCRBYFLOAT", "f", "1")), bad).toMatch(/ERR value is not a valid float/);
  }
  await connection.call("SET", "f", "1");
  expect(String(await connection.call("INCRBYFLOAT", "f", "inf"))).toMatch(
    /ERR increment would produce NaN or Infinity/,
  );
  expect(await connection.call("GET", "f")).toBe("1");
});

test.each(scores)("ZADD with score '%s' answers %s", async (score, answer) => {
  await connection.call("DEL", "z");
  const added = await connection.call("ZADD", "z", score, "m");
  if (answer.startsWith("ERR")) expect(String(added)).toBe(`Error: ${answer}`);
  else {
    expect(added).toBe(1);
    expect(await connection.call("ZSCORE", "z", "m")).toBe(answer);
    expect(await connection.call("ZRANGE", "z", 0, -1, "WITHSCORES")).toEqual(["m", answer]);
  }
});

test("a minus zero survives in a big sorted set and not in a small one", async () => {
  await connection.call("DEL", "small", "big");
  await connection.call("ZADD", "small", "-0", "m");
  expect(await connection.call("ZSCORE", "small", "m")).toBe("0");
  await connection.call("ZADD", "big", "1", "x".repeat(100));
  await connection.call("ZADD", "big", "-0", "m");
  expect(await connection.call("ZSCORE", "big", "m")).toBe("-0");
  expect(await connection.call("ZADD", "small", "INCR", "-0", "new")).toBe("-0");
});

test("score bounds may lie beyond the doubles, where scores may not", async () => {
  await connection.call("DEL", "z");
  await connection.call("ZADD", "z", "-inf", "a", "0", "b", "inf", "c");
  expect(await connection.call("ZRANGEBYSCORE", "z", "-1e400", "1e400")).toEqual(["a", "b", "c"]);
  expect(await connection.call("ZRANGEBYSCORE", "z", "(-1e400", "(1e400")).toEqual(["b"]);
  expect(await connection.call("ZCOUNT", "z", "1e-400", "+inf")).toBe(2);
  expect(await connection.call("ZRANGEBYSCORE", "z", "", " 5")).toEqual(["b"]);
  expect(String(await connection.call("ZRANGEBYSCORE", "z", "nan", "1"))).toMatch(/min or max is not a float/);
  expect(String(await connection.call("ZRANGEBYSCORE", "z", "1", "2x"))).toMatch(/min or max is not a float/);
  expect(String(await connection.call("ZINCRBY", "z", "-inf", "c"))).toMatch(/ERR resulting score is not a number/);
});

test("INCR and DECR keep to 64 bits and to plain decimals", async () => {
  await connection.call("SET", "n", "9223372036854775806");
  expect(await connection.call("INCRBY", "n", 0)).toBe(Number("9223372036854775806"));
  await connection.call("INCR", "n");
  expect(String(await connection.call("INCR", "n"))).toMatch(/increment or decrement would overflow/);
  expect(await connection.call("GET", "n")).toBe("9223372036854775807");
  expect(String(await connection.call("DECRBY", "n", "-9223372036854775808"))).toMatch(/decrement would overflow/);
  for (const bad of ["+1", "01", " 1", "1 ", "1.0", "", "-", "9223372036854775808"]) {
    await connection.call("SET", "n", bad);
    expect(String(await connection.call("INCR", "n")), bad).toMatch(/value is not an integer or out of range/);
  }
});
