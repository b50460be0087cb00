/** Whole conversations: handshake, data both ways, close. */

import { printTrace } from '../report/trace.ts';
import type { Flow } from '../trace/flow.ts';
import type { Answer } from './answer.ts';
import { plainStyle } from './plain-style.ts';
import { type Rules, RulesError } from './rules.ts';
import { packet, type TestPacket } from './test-packet.ts';

/** A conversation, by the packet that opens it. */
export interface TestFlow {
  readonly opener: TestPacket;
  /** Every packet with its way, as far as the conversation comes. */
  play(rules: Rules): Flow;
  /** Whether all of it passes. */
  playedOn(rules: Rules): Answer;
  toString(): string;
}

/** The conversation that a packet opens. `match`: `-i eth0 -p tcp -s 192.0.2.7 -d 203.0.113.1 --dport 22`. */
export function flow(match: string | TestPacket, o: { readonly local?: boolean } = {}): TestFlow {
  return new Conversation(typeof match === 'string' ? packet(match, o) : match);
}

class Conversation implements TestFlow {
  readonly opener: TestPacket;

  constructor(opener: TestPacket) {
    this.opener = opener;
  }

  play(rules: Rules): Flow {
    const { flow: played } = rules.trace(this.opener, { flow: true });
    if (played === undefined) throw new RulesError(`no conversation begins with ${this.opener}`);
    return played;
  }

  playedOn(rules: Rules): Answer {
    const traced = rules.trace(this.opener, { flow: true });
    const played = this.play(rules);
    const open = played.steps.some((step) => step.mayStop);
    return {
      verdict: played.complete ? (open ? 'open' : 'holds') : 'fails',
      message: () =>
        `${this}\nexpected all of the conversation to pass\n\n${printTrace({ traced }, plainStyle, { all: false, verbose: false })}`,
    };
  }

  toString(): string {
    return `a conversation that begins with ${this.opener}`;
  }
}
