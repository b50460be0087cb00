/** Upper bounds of one piece of work. Absent or `Infinity` means no bound. */
export interface Budget {
  /** Nodes that may be built in a shared graph. */
  readonly nodes?: number;
  /** Times that the work may split in two because something is unknown. */
  readonly forks?: number;
  /** Small units of work: one comparison, one visit. */
  readonly steps?: number;
  /** Milliseconds from the making of the meter. Needs a clock. */
  readonly timeMs?: number;
}

/** What can be counted out. */
export type Countable = 'nodes' | 'forks' | 'steps';

/** Why the work has to stop; `limit` is the bound that was reached (0 for a cancellation). */
export interface Exhaustion {
  readonly resource: keyof Budget | 'cancelled';
  readonly limit: number;
}

/** A cancellable counter that is handed down through a piece of work. */
export interface Meter {
  /** Counts; answers `false` from the moment that anything is used up. The worker then returns what it has. */
  spend(resource: Countable, amount?: number): boolean;
  /** Stops the work at its next `spend`. */
  cancel(): void;
  /** Set once the work has to stop, and never unset. */
  readonly exhausted: Exhaustion | undefined;
  /** What has been used so far. */
  used(resource: Countable): number;
}

/** The clock is asked once in this many spends, since asking costs more than counting. */
const spendsPerClockCheck = 1024;

/**
 * Starts counting. The clock is an argument, because this layer has none of its own; without it `timeMs` does
 * not apply.
 */
export function createMeter(budget: Budget, now?: () => number): Meter {
  const limits = {
    nodes: budget.nodes ?? Infinity,
    forks: budget.forks ?? Infinity,
    steps: budget.steps ?? Infinity,
  };
  const counts = { nodes: 0, forks: 0, steps: 0 };
  const timeMs = budget.timeMs ?? Infinity;
  const clock = timeMs === Infinity ? undefined : now;
  const deadline = clock === undefined ? Infinity : clock() + timeMs;
  let spendsUntilClockCheck = spendsPerClockCheck;
  let exhausted: Exhaustion | undefined;

  return {
    spend(resource, amount = 1) {
      if (exhausted !== undefined) return false;
      counts[resource] += amount;
      if (counts[resource] > limits[resource]) {
        exhausted = { resource, limit: limits[resource] };
        return false;
      }
      if (clock !== undefined && --spendsUntilClockCheck <= 0) {
        spendsUntilClockCheck = spendsPerClockCheck;
        if (clock() >= deadline) {
          exhausted = { resource: 'timeMs', limit: timeMs };
          return false;
        }
      }
      return true;
    },
    cancel() {
      exhausted ??= { resource: 'cancelled', limit: 0 };
    },
    get exhausted() {
      return exhausted;
    },
    used: (resource) => counts[resource],
  };
}
