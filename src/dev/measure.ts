/** One thing to measure. */
export interface BenchCase {
  readonly name: string;
  readonly run: () => unknown | Promise<unknown>;
}

/** How often each case is run; the first runs only warm up. */
const warmUps = 2;
const runsMin = 5;
const timeEnoughMs = 1_000;

/**
 * Measures the cases one after the other and prints the median time of each, beside its ratio to the first case.
 * The first case is the yardstick: a bare figure says more about the machine than about us.
 */
export async function measure(title: string, cases: readonly BenchCase[]): Promise<void> {
  const medians: number[] = [];
  for (const { run } of cases) medians.push(await medianMs(run));
  const yardstick = medians[0] ?? Number.NaN;
  console.log(title);
  cases.forEach(({ name }, index) => {
    const ms = medians[index] ?? Number.NaN;
    const time = `${ms < 10 ? ms.toFixed(2) : ms.toFixed(0)} ms`.padStart(10);
    const against = index === 0 ? 'yardstick' : `${(ms / yardstick).toFixed(2)} × ${cases[0]?.name}`;
    console.log(`  ${time}  ${name}  (${against})`);
  });
}

async function medianMs(run: BenchCase['run']): Promise<number> {
  for (let index = 0; index < warmUps; index++) await run();
  const times: number[] = [];
  for (let total = 0; times.length < runsMin || total < timeEnoughMs; ) {
    const start = performance.now();
    await run();
    const time = performance.now() - start;
    times.push(time);
    total += time;
  }
  times.sort((a, b) => a - b);
  return times[times.length >> 1] ?? Number.NaN;
}
