import { describe, expect, it } from "vitest";
import { boot } from "../../../host/index.ts";
import { bytesOf } from "../run-guest.ts";
import { compileC, noToolchain } from "./ringzero-cc.ts";

/** Compiles and runs a program; what it printed and its exit code. */
async function runC(source: string, options: { args?: string[]; env?: Record<string, string>; flags?: string[] } = {}) {
  const module = await compileC(source, ...(options.flags ?? []));
  const machine = await boot(module, { args: options.args ?? [], env: options.env ?? {} });
  const [stdout, stderr, { code }] = await Promise.all([
    bytesOf(machine.stdout),
    bytesOf(machine.stderr),
    machine.exited,
  ]);
  return { stdout: stdout.toString(), stderr: stderr.toString(), code };
}

describe.skipIf(noToolchain)("ringzero-cc", { timeout: 60_000 }, () => {
  it("takes main in each of its forms", async () => {
    expect(await runC("int main(void) { return 3; }")).toMatchObject({ code: 3 });
    const two =
      '#include <stdio.h>\nint main(int argc, char **argv) { printf("%d %s", argc, argv[argc-1]); return 4; }';
    expect(await runC(two, { args: ["last one"] })).toMatchObject({ code: 4, stdout: "2 last one" });
    const three =
      "#include <stdio.h>\nint main(int argc, char **argv, char **env) { for (; *env; env++) puts(*env); return 5; }";
    const { stdout, code } = await runC(three, { env: { NAME: "a=b c", EMPTY: "" } });
    expect(code).toBe(5);
    expect(stdout.split("\n")).toEqual(expect.arrayContaining(["NAME=a=b c", "EMPTY="]));
  });

  it("runs constructors before main and destructors after it", async () => {
    const source = `#include <stdio.h>
__attribute__((constructor)) static void before(void) { puts("before"); }
__attribute__((destructor)) static void after(void) { puts("after"); }
int main(void) { puts("main"); }`;
    expect((await runC(source)).stdout).toBe("before\nmain\nafter\n");
  });

  it("copies and fills every number of bytes, at every distance, and nothing beside them", async () => {
    // memcpy, memmove and memset are ours: words up to a size, the engine's instruction beyond. The loops here are the model.
    const source = `#include <stdio.h>
#include <string.h>
static unsigned char got[1024], want[1024];
static void reset(void) { for (int i = 0; i < 1024; i++) got[i] = want[i] = i * 7 + (i >> 8); }
static int same(void) { for (int i = 0; i < 1024; i++) if (got[i] != want[i]) return 0; return 1; }
int main(void) {
  volatile size_t n;
  for (n = 0; n <= 300; n++) {
    reset();
    if (memcpy(got + 601, got + 3, n) != got + 601) return 1;
    for (size_t i = 0; i < n; i++) want[601 + i] = want[3 + i];
    if (!same()) { printf("memcpy %zu", n); return 2; }
    reset();
    if (memset(got + 5, 0x1a5, n) != got + 5) return 3;
    for (size_t i = 0; i < n; i++) want[5 + i] = 0xa5;
    if (!same()) { printf("memset %zu", n); return 4; }
    for (int shift = -40; shift <= 40; shift++) {
      unsigned char old[300];
      reset();
      for (size_t i = 0; i < n; i++) old[i] = want[100 + i];
      for (size_t i = 0; i < n; i++) want[100 + shift + i] = old[i];
      if (memmove(got + 100 + shift, got + 100, n) != got + 100 + shift) return 5;
      if (!same()) { printf("memmove %zu by %d", n, shift); return 6; }
    }
  }
  void *(*pointer)(void *, const void *, size_t) = memcpy;
  pointer(got, "by pointer", 11);
  puts((char *)got);
}`;
    expect(await runC(source, { flags: ["-O2"] })).toMatchObject({ stdout: "by pointer\n", code: 0 });
    expect(await runC(source, { flags: ["-O0"] })).toMatchObject({ stdout: "by pointer\n", code: 0 });
  });

  it("gives each thread its own variables, aligned, and its own errno", async () => {
    const source = `#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
static __thread _Alignas(64) int aligned = 7;
static __thread char text[] = "own";
static void *run(void *argument) {
  if ((uintptr_t)&aligned % 64 || aligned != 7 || text[0] != 'o') return "bad";
  aligned = (int)argument; text[0] = 'x'; errno = aligned;
  usleep(1000);
  return aligned == (int)argument && errno == (int)argument ? "good" : "shared";
}
int main(void) {
  pthread_t threads[8]; void *result;
  for (int i = 0; i < 8; i++) if (pthread_create(&threads[i], 0, run, (void *)(i + 100))) return 1;
  for (int i = 0; i < 8; i++) { pthread_join(threads[i], &result); puts(result); }
  printf("%d %s", aligned, text);
}`;
    expect((await runC(source)).stdout).toBe(`${"good\n".repeat(8)}7 own`);
  });

  it("jumps out of frames, and out of a signal's handler with the mask restored", async () => {
    const source = `#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
static jmp_buf plain; static sigjmp_buf masked;
static void deep(int n) { volatile char frame[100]; frame[0] = n; if (!n) longjmp(plain, 0); deep(n - 1); }
static void handler(int signal) { siglongjmp(masked, signal); }
int main(void) {
  volatile int tries = 0;
  if (!setjmp(plain)) { tries = 1; deep(50); }
  printf("%d ", tries);
  signal(SIGUSR1, handler);
  int jumped = sigsetjmp(masked, 1);
  if (!jumped) raise(SIGUSR1);
  sigset_t mask; sigprocmask(SIG_BLOCK, 0, &mask);
  printf("%d %d", jumped, sigismember(&mask, SIGUSR1));
}`;
    expect((await runC(source)).stdout).toBe("1 10 0");
  });

  it("forks under frames, pointers to functions and a setjmp", async () => {
    const source = `#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static int under(int n, int (*next)(int)) { int kept[3] = { n, n * n, n * n * n }; return n ? under(n - 1, next) + kept[2] : next(kept[0]); }
static int child; 
static int split(int n) { jmp_buf buffer; if (setjmp(buffer)) return 1000; child = fork(); if (!child) longjmp(buffer, 1); return 1; }
int main(void) {
  int sum = under(4, split), status;
  if (!child) _exit(sum - 1000);
  waitpid(child, &status, 0);
  printf("parent %d child %d", sum, WEXITSTATUS(status));
}`;
    expect((await runC(source)).stdout).toBe("parent 101 child 100");
  });

  it("copies the stack of the named callers alone, if callers are named", async () => {
    const source = `#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
static int make(void) { return fork(); }
__attribute__((noinline)) static int caller(int (*by)(void)) { return by() + 0; }
int main(void) { int child = caller(make), status; if (!child) _exit(9); waitpid(child, &status, 0); printf("%d", WEXITSTATUS(status)); }`;
    const named = ["-fno-inline", "--ringzero-fork-callers=caller"];
    expect((await runC(source, { flags: named })).stdout).toBe("9");
    const everything = await compileC(source, "-fno-inline", "-s");
    expect((await compileC(source, ...named, "-s")).length).toBeLessThan(everything.length * 0.9);
  });

  it("leaves programs that cannot fork as they are", async () => {
    const module = await WebAssembly.compile(await compileC('#include <stdio.h>\nint main(void) { puts("x"); }'));
    const names = WebAssembly.Module.exports(module).map(({ name }) => name);
    expect(names).toEqual(expect.arrayContaining(["memory", "_start", "__indirect_function_table", "__stack_pointer"]));
    expect(names.filter((name) => name.startsWith("asyncify"))).toEqual([]);
    expect(new Set(WebAssembly.Module.imports(module).map(({ module }) => module))).toEqual(new Set(["wali"]));
  });

  it("has x86-64's layouts where the kernel looks", async () => {
    const source = `#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <time.h>
int main(void) {
  printf("%zu %zu %zu ", sizeof(struct stat), offsetof(struct stat, st_size), offsetof(struct stat, st_mtim));
  printf("%zu %zu %zu ", sizeof(struct timespec), sizeof(struct epoll_event), offsetof(struct epoll_event, data));
  printf("%zu %zu %zu ", sizeof(siginfo_t), offsetof(siginfo_t, si_pid), offsetof(siginfo_t, si_value));
  printf("%zu %zu %zu ", offsetof(struct msghdr, msg_control), sizeof(struct cmsghdr), CMSG_SPACE(4));
  printf("%zu %zu %zu", offsetof(struct flock, l_start), sizeof(struct statfs), sizeof(sigset_t));
}`;
    expect((await runC(source)).stdout).toBe("144 48 88 16 12 4 128 16 24 20 16 24 8 120 128");
  });

  it("makes the same bytes of the same text, wherever it lies", async () => {
    const source =
      "#include <assert.h>\n#include <stdio.h>\nint main(int argc, char **argv) { assert(argc < 9); puts(__FILE__); }";
    const [once, again] = [await compileC(source, "-g"), await compileC(source, "-g")];
    expect(Buffer.compare(once, again)).toBe(0);
  });

  it("refuses shared libraries, and passes the compiler's and the linker's errors on", async () => {
    await expect(compileC("int f(void) { return 1; }", "-shared")).rejects.toThrow("there are no shared libraries");
    await expect(compileC("int main(void) { return missing(); }")).rejects.toThrow(/undeclared function 'missing'/);
    await expect(compileC("int missing(void); int main(void) { return missing(); }")).rejects.toThrow(
      /undefined symbol: missing/,
    );
    await expect(compileC("int main(void) { return 0 }")).rejects.toThrow(/expected ';'/);
  });
});
