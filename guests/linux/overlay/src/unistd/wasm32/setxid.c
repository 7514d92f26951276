/* Every thread of a process must change its ids: the calls by name, since a call cannot be made by number. */
#include <signal.h>
#include <unistd.h>
#include "syscall.h"
#include "libc.h"

struct request {
	int call, id, eid, sid, result;
};

static int change(const struct request *r)
{
	switch (r->call) {
	case SYS_setuid: return __syscall(SYS_setuid, r->id);
	case SYS_setgid: return __syscall(SYS_setgid, r->id);
	case SYS_setreuid: return __syscall(SYS_setreuid, r->id, r->eid);
	case SYS_setregid: return __syscall(SYS_setregid, r->id, r->eid);
	case SYS_setresuid: return __syscall(SYS_setresuid, r->id, r->eid, r->sid);
	case SYS_setresgid: return __syscall(SYS_setresgid, r->id, r->eid, r->sid);
	default: return -ENOSYS;
	}
}

static void change_thread(void *argument)
{
	struct request *request = argument;
	if (request->result < 0) return;
	int result = change(request);
	if (result && request->result > 0) {
		/* Threads with different ids would be a hole: better no process. */
		__block_all_sigs(0);
		__syscall(SYS_kill, __syscall(SYS_getpid), SIGKILL);
	}
	request->result = result ? result : 1;
}

int __setxid(int call, int id, int eid, int sid)
{
	struct request request = { .call = call, .id = id, .eid = eid, .sid = sid };
	__synccall(change_thread, &request);
	return request.result > 0 ? 0 : __syscall_ret(request.result);
}
