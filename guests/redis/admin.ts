/** Persistence and administration as the core sees them: registration, set-up, ten times a second. */
import { registerAclCommands } from "./acl";
import { registerCommandCommands } from "./command-info";
import { registerConfigCommands } from "./config";
import { evictIfNeeded } from "./evict";
import { registerInfoCommands } from "./info";
import { registerLatencyCommands } from "./latency";
import { registerMemoryCommands } from "./memory";
import { registerPersistenceCommands } from "./persistence";
import { pubsubInit, registerPubsubCommands } from "./pubsub";
import { registerSlowlogCommands } from "./slowlog";

/** Registers the commands of persistence and administration. */
export function registerAdminCommands(): void {
  registerPubsubCommands();
  registerConfigCommands();
  registerInfoCommands();
  registerMemoryCommands();
  registerSlowlogCommands();
  registerLatencyCommands();
  registerPersistenceCommands();
  registerAclCommands();
  registerCommandCommands();
}
/** Called once, after all commands are registered and before anything is loaded. */
export function adminInit(): void {
  pubsubInit();
}
/** Ten times a second. */
export function adminCron(): void {
  evictIfNeeded();
}
