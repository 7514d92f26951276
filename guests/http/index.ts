/**
 * http: a web server on port 80 in callback style: no stack is ever parked. Routes: `/` (unless /srv/www has an index),
 * `/hello?name`, `POST /echo`, `/stats`; everything else is looked for below /srv/www, if a folder is mounted there.
 */
import { errnoMessage } from "../lib/errno";
import { exists } from "../lib/file";
import { Exchange, serve } from "../lib/http";
import { sendStatic } from "../lib/http-files";
import { eprintln, exit, memoryUsed, println } from "../lib/process";
import { onSignal, turnUptime } from "../lib/ring";

export { ring_dispatch } from "../lib/ring";

const ROOT = "/srv/www";
let hasFiles = false;
let requestCount: f64 = 0;

/** Answers 405 unless the method is one of those that only read. */
function isRead(exchange: Exchange): bool {
  if (exchange.method == "GET" || exchange.method == "HEAD") return true;
  exchange.refuseMethod("GET, HEAD");
  return false;
}

function handle(exchange: Exchange): void {
  requestCount++;
  const path = exchange.path;
  if (path == "/hello") {
    if (isRead(exchange))
      exchange.send(200, "Hello, " + (exchange.query.length > 0 ? exchange.query : "world") + "!\n");
  } else if (path == "/echo") {
    if (exchange.method != "POST") exchange.refuseMethod("POST");
    else exchange.sendBytes(200, exchange.body, "application/octet-stream");
  } else if (path == "/stats") {
    if (!isRead(exchange)) return;
    const stats =
      '{"requests":' +
      (<i64>requestCount).toString() +
      ',"uptimeMs":' +
      (<i64>turnUptime()).toString() +
      ',"memoryBytes":' +
      (<i64>memoryUsed()).toString() +
      "}\n";
    exchange.send(200, stats, "application/json");
  } else if (hasFiles) {
    if (isRead(exchange)) sendStatic(exchange, ROOT);
  } else if (path == "/") {
    if (isRead(exchange)) exchange.send(200, "It works. Mount a folder on " + ROOT + " to serve files.\n");
  } else {
    exchange.send(404, "404 Not Found\n");
  }
}

export function _start(): void {
  hasFiles = exists(ROOT);
  const server = serve(80, handle);
  if (server.failed) {
    eprintln("http: port 80: " + errnoMessage(server.error));
    exit(1);
  }
  onSignal((signal: i32): void => exit(0));
  println("http: listening on port 80" + (hasFiles ? ", files from " + ROOT : ""));
}
