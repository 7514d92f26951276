# The globals that make a thread: the linker's stack pointer and TLS base, and the library's thread pointer.
	.globaltype __thread_pointer, i32
	.globaltype __stack_pointer, i32
	.globaltype __tls_base, i32
	.functype __wasm_thread_main (i32, i32) -> ()

	.globl __thread_pointer
__thread_pointer:

# int __set_thread_area(void *tp)
	.globl __set_thread_area
	.type __set_thread_area, @function
__set_thread_area:
	.functype __set_thread_area (i32) -> (i32)
	local.get 0
	global.set __thread_pointer
	i32.const 0
	end_function

# The engine calls this in a new thread, with the thread's id and the `struct start` that __clone wrote: {stack, tls, tp, ...}.
	.globl __wasm_thread_start_libc
	.type __wasm_thread_start_libc, @function
	.export_name __wasm_thread_start_libc, __wasm_thread_start_libc
__wasm_thread_start_libc:
	.functype __wasm_thread_start_libc (i32, i32) -> ()
	local.get 1
	i32.load 0
	global.set __stack_pointer
	local.get 1
	i32.load 4
	global.set __tls_base
	local.get 1
	i32.load 8
	global.set __thread_pointer
	local.get 0
	local.get 1
	call __wasm_thread_main
	end_function

# void __unmapself(void *base, size_t size): the thread's stack goes away, so nothing here may use it.
	.functype __wali_munmap (i32, i32) -> (i64)
	.import_module __wali_munmap, wali
	.import_name __wali_munmap, SYS_munmap
	.functype __wali_exit (i32) -> (i64)
	.import_module __wali_exit, wali
	.import_name __wali_exit, SYS_exit

	.globl __unmapself
	.type __unmapself, @function
__unmapself:
	.functype __unmapself (i32, i32) -> ()
	local.get 0
	local.get 1
	call __wali_munmap
	drop
	i32.const 0
	call __wali_exit
	drop
	unreachable
	end_function
