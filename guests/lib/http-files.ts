/**
 * Static files over HTTP: a path below a root folder becomes a file, with its type, its validators (ETag, Last-Modified;
 * a match answers 304) and `index.html` for a folder. No path leads out of the root.
 */
import { EACCES, EDEADLK, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE, ENOENT, ENOTDIR, EPERM, Result } from "./errno";
import { File, Stat } from "./file";
import { Exchange, httpDate, reason } from "./http";

/** The media type by the name's extension, which is in lower case on the web. */
function mediaType(name: string): string {
  const dot = name.lastIndexOf(".");
  const extension = dot < 0 ? "" : name.substring(dot + 1);
  if (extension == "html" || extension == "htm") return "text/html; charset=utf-8";
  if (extension == "css") return "text/css; charset=utf-8";
  if (extension == "js" || extension == "mjs") return "text/javascript; charset=utf-8";
  if (extension == "txt" || extension == "md") return "text/plain; charset=utf-8";
  if (extension == "json") return "application/json";
  if (extension == "svg") return "image/svg+xml";
  if (extension == "png") return "image/png";
  if (extension == "jpg" || extension == "jpeg") return "image/jpeg";
  if (extension == "gif") return "image/gif";
  if (extension == "webp") return "image/webp";
  if (extension == "ico") return "image/x-icon";
  if (extension == "pdf") return "application/pdf";
  if (extension == "wasm") return "application/wasm";
  return "application/octet-stream";
}

/** The path without empty and `.` segments, each `..` taking one back; null if it would leave the root. */
function normalize(path: string): string | null {
  const segments = path.split("/");
  const kept = new Array<string>();
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i];
    if (segment == "" || segment == ".") continue;
    if (segment != "..") kept.push(segment);
    else if (kept.length == 0) return null;
    else kept.pop();
  }
  return "/" + kept.join("/");
}

function refuse(exchange: Exchange, status: i32): void {
  exchange.send(status, status.toString() + " " + reason(status) + "\n");
}

function statusOf(error: i32): i32 {
  switch (-error) {
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return 404;
    case EACCES:
    case EPERM:
      return 403;
    case EMFILE:
    case ENFILE:
    case EDEADLK:
      return 503;
    default:
      return 500;
  }
}

function statOpened(opened: Result<File>): Result<Stat> {
  return opened.failed ? Result.error<Stat>(opened.error) : opened.value.stat();
}

/** Answers a GET or HEAD request from the files below `root`. */
export function sendStatic(exchange: Exchange, root: string): void {
  const path = normalize(exchange.path);
  if (path == null) {
    refuse(exchange, 404);
    return;
  }
  let name = root + path;
  let opened = File.open(name);
  let found = statOpened(opened);
  if (!found.failed && found.value.isDirectory) {
    opened.value.close();
    if (!exchange.path.endsWith("/")) {
      // Relative links in the folder's index would miss without the slash.
      const query = exchange.query;
      exchange.setHeader("Location", encodeURI(path) + "/" + (query.length > 0 ? "?" + query : ""));
      refuse(exchange, 301);
      return;
    }
    name += "/index.html";
    opened = File.open(name);
    found = statOpened(opened);
  } else if (!found.failed && exchange.path.endsWith("/")) {
    opened.value.close();
    refuse(exchange, 404);
    return;
  }
  if (found.failed || !found.value.isFile) {
    const status = found.failed ? statusOf(found.error) : 404;
    if (!opened.failed) opened.value.close();
    refuse(exchange, status);
    return;
  }

  const stat = found.value;
  const tag = '"' + (<i64>stat.size).toString(16) + "-" + (<i64>stat.modifiedMs).toString(16) + '"';
  const modified = httpDate(stat.modifiedMs);
  exchange.setHeader("ETag", tag);
  exchange.setHeader("Last-Modified", modified);
  // If-None-Match decides alone where it is present (RFC 9110, 13.2.2).
  const matches = exchange.header("if-none-match");
  const since = exchange.header("if-modified-since");
  if (matches != null ? matches == "*" || matches.includes(tag) : since != null && since == modified) {
    opened.value.close();
    exchange.send(304, "");
    return;
  }
  exchange.sendFile(200, opened.value.fd, stat.size, mediaType(name));
}
