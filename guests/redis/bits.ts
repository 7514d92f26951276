/** Bit commands. */
export function registerBitCommands(): void {}
