/** Registers the commands of persistence and administration. */
export function registerAdminCommands(): void {}
