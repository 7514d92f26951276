/**
 * The one place where a host error becomes a Linux errno.
 */
import { constants } from "node:os";
import { EINVAL, EIO, ENAMETOOLONG, errnoNumber } from "../../kernel/abi/errno.ts";

/** Node's own argument checks: what the guest sent made no sense to it. */
const NODE_CODES: ReadonlyMap<string, number> = new Map([
  ["ERR_OUT_OF_RANGE", EINVAL],
  ["ERR_INVALID_ARG_VALUE", EINVAL],
  ["ERR_INVALID_ARG_TYPE", EINVAL],
  ["ERR_FS_FILE_TOO_LARGE", EINVAL],
  ["ENAMETOOLONG", ENAMETOOLONG],
]);

/** The (positive) errno of an error that Node has thrown or reported; EIO for one that means nothing to Linux. */
export function hostErrno(error: unknown): number {
  if (typeof error !== "object" || error === null || !("code" in error) || typeof error.code !== "string") return EIO;
  return NODE_CODES.get(error.code) ?? (error.code in constants.errno ? errnoNumber(error.code) : EIO);
}
