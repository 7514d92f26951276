/**
 * User and group ids (credentials(7)). Every process begins as root; ids are kept, reported and changed by the rules, and decide
 * nothing: files are nobody's but root's.
 */

export class Credentials {
  uid = 0;
  euid = 0;
  suid = 0;
  gid = 0;
  egid = 0;
  sgid = 0;
  groups: readonly number[] = [0];

  constructor(from: Credentials | null) {
    if (!from) return;
    this.uid = from.uid;
    this.euid = from.euid;
    this.suid = from.suid;
    this.gid = from.gid;
    this.egid = from.egid;
    this.sgid = from.sgid;
    this.groups = from.groups;
  }

  /** True for a user id that an unprivileged process may take. */
  ownsUid(id: number): boolean {
    return id === this.uid || id === this.euid || id === this.suid;
  }

  ownsGid(id: number): boolean {
    return id === this.gid || id === this.egid || id === this.sgid;
  }

  get isPrivileged(): boolean {
    return this.euid === 0;
  }
}
