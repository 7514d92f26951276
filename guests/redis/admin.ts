/** Registers the commands of persistence and administration. */
export function registerAdminCommands(): void {}
/** At boot, when everything is registered, before the append-only file is loaded. */
export function adminInit(): void {}
/** 10 times a second. */
export function adminCron(): void {}
