/** Packets as tests pass them around. */

/** One packet, in match options. */
export interface TestPacket {
  /** Behind `fwsim trace FILE --`. */
  readonly match: string;
  /** Sent by the machine itself. */
  readonly local: boolean;
  /** The match options: what a property test prints of its counterexample. */
  toString(): string;
}

/** A packet of one's own. `match`: `-i eth0 -p tcp -s 192.0.2.7 -d 203.0.113.1 --dport 22`. */
export function packet(match: string, o: { readonly local?: boolean } = {}): TestPacket {
  return new Written(match, o.local ?? false);
}

/** fast-check and test runners print what `toString` says. */
class Written implements TestPacket {
  readonly match: string;
  readonly local: boolean;

  constructor(match: string, local: boolean) {
    this.match = match;
    this.local = local;
  }

  toString(): string {
    return this.local ? `${this.match} (sent by this machine)` : this.match;
  }
}
