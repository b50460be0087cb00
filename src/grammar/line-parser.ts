/** The grammar of one line. */

import { EmbeddedActionsParser, type IToken } from 'chevrotain';
import { getTokens, type Tokens } from './tokens.ts';

/** What a line turned out to be. Offsets are relative to the piece that was lexed. */
export interface LineSink {
  table(name: string): void;
  chain(name: string, policy: string, counters: string | undefined, extra: IToken | undefined): void;
  commit(): void;
  /** The `[packets:bytes]` in front of a rule. */
  counters(text: string): void;
  /** One option with all words up to the next option: `! --dport 80`. */
  group(start: number, end: number, firstImage: string): void;
  openQuote(start: number, end: number): void;
}

/**
 * Parses lines that are given as tokens. The grammar knows tables, chains, counters, words, quotes and `!`;
 * an option's words are simply those up to the next thing that looks like an option, and the linker, which
 * knows arities, regroups where an argument begins with a dash.
 */
export class LineParser extends EmbeddedActionsParser {
  private readonly t: Tokens;
  /** Undefined between two texts: the parser outlives them, and would keep the tree of the last one. */
  sink: LineSink | undefined;

  constructor(sink: LineSink, options: { readonly validate: boolean }) {
    const tokens = getTokens();
    super([...tokens.all], {
      recoveryEnabled: false,
      maxLookahead: 1,
      skipValidations: !options.validate,
    });
    this.t = tokens;
    this.sink = sink;
    this.performSelfAnalysis();
  }

  /** > | -A INPUT -p tcp -j ACCEPT    > | *filter    > | :INPUT DROP [0:0]    > | COMMIT */
  line = this.RULE('line', () => {
    this.OR([
      { ALT: () => this.SUBRULE(this.tableLine) },
      { ALT: () => this.SUBRULE(this.chainLine) },
      { ALT: () => this.SUBRULE(this.commitLine) },
      { ALT: () => this.SUBRULE(this.ruleLine) },
    ]);
  });

  /**
   * > | *filter
   *     ^^^^^^^
   * `* filter` is read too: some generators write it.
   */
  tableLine = this.RULE('tableLine', () => {
    const header = this.CONSUME(this.t.TableHeader);
    let name = header.image.slice(1);
    this.OPTION(() => {
      const word = this.CONSUME(this.t.WordLike);
      if (name === '') name = word.image;
    });
    this.ACTION(() => this.sink?.table(name));
  });

  /**
   * > | :INPUT DROP [12:3456]
   *     ^^^^^^ ^^^^ ^^^^^^^^^
   */
  chainLine = this.RULE('chainLine', () => {
    const header = this.CONSUME(this.t.ChainHeader);
    let name = header.image.slice(1);
    let policy = '';
    let counters: string | undefined;
    let extra: IToken | undefined;
    this.MANY(() => {
      const word = this.CONSUME(this.t.WordLike);
      this.ACTION(() => {
        if (name === '') name = word.image;
        else if (policy === '') policy = word.image;
        else if (counters === undefined && word.tokenType === this.t.Counters) counters = word.image;
        else extra ??= word;
      });
    });
    this.ACTION(() => this.sink?.chain(name, policy, counters, extra));
  });

  /** > | COMMIT */
  commitLine = this.RULE('commitLine', () => {
    this.CONSUME(this.t.Commit);
    this.ACTION(() => this.sink?.commit());
  });

  /**
   * > | [5:300] -A INPUT ! -s 10.0.0.0/8 -j DROP
   *     ^^^^^^^ ^^^^^^^^ ^^^^^^^^^^^^^^^ ^^^^^^^
   */
  ruleLine = this.RULE('ruleLine', () => {
    this.OPTION(() => {
      const counters = this.CONSUME(this.t.Counters);
      this.ACTION(() => this.sink?.counters(counters.image));
    });
    this.AT_LEAST_ONE(() => this.SUBRULE(this.group));
  });

  /**
   * > | ! -s 10.0.0.0/8
   *     ^ ^^ ^^^^^^^^^^
   */
  group = this.RULE('group', () => {
    let start = -1;
    this.OPTION(() => {
      start = this.CONSUME(this.t.Bang).startOffset;
    });
    const option = this.CONSUME(this.t.Option);
    let last = option;
    this.MANY({
      // A `!` in front of an option belongs to the next group.
      GATE: () => this.LA(1).tokenType !== this.t.Bang || this.LA(2).tokenType !== this.t.Option,
      DEF: () => {
        last = this.OR([
          { ALT: () => this.CONSUME(this.t.WordLike) },
          { ALT: () => this.CONSUME(this.t.Quoted) },
          { ALT: () => this.CONSUME2(this.t.Bang) },
          {
            ALT: () => {
              const open = this.CONSUME(this.t.OpenQuote);
              this.ACTION(() => this.sink?.openQuote(open.startOffset, open.startOffset + open.image.length));
              return open;
            },
          },
        ]);
      },
    });
    this.ACTION(() =>
      this.sink?.group(
        start < 0 ? option.startOffset : start,
        last.startOffset + last.image.length,
        option.image,
      ),
    );
  });
}
