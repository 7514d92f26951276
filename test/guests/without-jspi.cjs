// Preloaded (node --require) into the threads of a process whose engine shall not be able to suspend Wasm stacks.
delete WebAssembly.Suspending;
delete WebAssembly.promising;
