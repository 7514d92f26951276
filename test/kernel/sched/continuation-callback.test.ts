import { CallbackContinuations } from "../../../kernel/sched/continuation-callback.ts";
import { continuationContract } from "./continuation.contract.ts";

continuationContract("callback", { create: () => new CallbackContinuations() });
