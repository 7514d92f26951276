import { hasJspi, JspiContinuations } from "../../../kernel/sched/continuation-jspi.ts";
import { continuationContract } from "./continuation.contract.ts";

if (!hasJspi()) throw new Error("this Node has no JSPI: the tests run on the Node that `npm ci` brings");
continuationContract("jspi", { create: (current, parked) => new JspiContinuations(current, parked) });
