// The tests of this folder alone, also inside of a larger repository with a configuration of its own.
export default { test: { include: ['*.test.ts'] } };
