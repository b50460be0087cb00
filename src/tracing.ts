/** The way in for those who walk packets: one, those of a capture, those of a log. */

export { parseMac } from './net/mac.ts';
export { defaultRegistry } from './registry.ts';
export { type Replay, type ReplayOptions, type ReplayResult, replayCapture } from './replay/replay.ts';
export {
  compareKernel,
  type KernelAnswer,
  type KernelComparison,
  type KernelRun,
  type PacketWay,
  type RunComparison,
} from './trace/kernel-run.ts';
export {
  explainLog,
  type LogGroup,
  type LogOptions,
  type LogResult,
  type LogStory,
  type LogWay,
} from './trace/log-story.ts';
export { type PacketTrace, type TraceOptions, type TraceResult, tracePacket } from './trace/trace-packet.ts';
