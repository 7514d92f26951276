/**
 * User and group ids (credentials(7)). Every process begins as root; ids are kept, reported, inherited and changed by the rules. They decide
 * who may signal whom and who may change ids: files are nobody's but root's.
 */

export class Credentials {
  uid = 0;
  euid = 0;
  suid = 0;
  fsuid = 0;
  gid = 0;
  egid = 0;
  sgid = 0;
  fsgid = 0;
  /** Supplementary groups, sorted. */
  groups: readonly number[] = [0];

  /** `from`: whose child this is. */
  constructor(from: Credentials | null) {
    if (from) Object.assign(this, from);
  }

  /** True for one of the three user ids that the process may call its own. */
  ownsUid(id: number): boolean {
    return id === this.uid || id === this.euid || id === this.suid;
  }

  ownsGid(id: number): boolean {
    return id === this.gid || id === this.egid || id === this.sgid;
  }

  /** True for user 0, who has every capability. */
  get isPrivileged(): boolean {
    return this.euid === 0;
  }
}
