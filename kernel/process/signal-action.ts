/**
 * What sigaction(2) has set for one signal.
 */
import { SIG_DFL } from "../abi/signal.ts";
import { SignalSet } from "./signal-set.ts";

export interface SignalAction {
  /** A function pointer, SIG_DFL or SIG_IGN. */
  readonly handler: number;
  /** SA_* bits, unsigned. */
  readonly flags: number;
  readonly restorer: number;
  readonly mask: SignalSet;
}

export const DEFAULT_ACTION: SignalAction = { handler: SIG_DFL, flags: 0, restorer: 0, mask: new SignalSet() };
