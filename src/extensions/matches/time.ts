import { defineMatch, type OptionType, type Refusal, refuse, tri } from '../define.ts';
import { flag } from '../option-types.ts';
import { option } from '../printed-words.ts';

/** All conditions must hold. Times are UTC unless `kernelTimezone`. */
export interface TimeData {
  /** Seconds of the day, both ends included; a start behind the stop goes over midnight. */
  readonly dayStartSeconds: number;
  readonly dayStopSeconds: number;
  /** Bit i: day i of the month, 1 to 31. */
  readonly monthDays: number;
  /** Bit 1 Monday to bit 7 Sunday. */
  readonly weekDays: number;
  /** Seconds since the epoch, both ends included. */
  readonly dateStartSeconds: number;
  readonly dateStopSeconds: number;
  /** A range over midnight belongs to the day on which it began. */
  readonly contiguous: boolean;
  readonly kernelTimezone: boolean;
}

const daySeconds = 86400;
const allMonthDays = 0xfffffffe;
const allWeekDays = 0xfe;
const dateStopDefault = 0x7fffffff;
const dayNames = ['', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'] as const;

/** Reads numbers that `separators` part; all but the first may be missing. An empty number is 0. */
function readNumbers(
  text: string,
  separators: readonly string[],
  maxima: readonly number[],
): readonly number[] | { readonly rest: string } {
  const out: number[] = [];
  let rest = text;
  for (const [i, max] of maxima.entries()) {
    const digits = /^\s*\+?\d*/.exec(rest)?.[0] ?? '';
    const value = Number(digits);
    const after = rest.slice(digits.length);
    if (!(value <= max) || (after !== '' && after[0] !== separators[i])) return { rest };
    out.push(value);
    if (after === '') return out;
    rest = after.slice(1);
  }
  return { rest };
}

const timeOption: OptionType<number> = {
  arity: 1,
  placeholder: 'hh:mm[:ss]',
  shape: {
    kind: 'sequence',
    parts: [{ kind: 'integer', min: 0, max: 23 }, ':', { kind: 'integer', min: 0, max: 59 }],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const numbers = readNumbers(text, [':', ':'], [23, 59, 59]);
    if ('rest' in numbers || numbers.length < 2) {
      const rest = 'rest' in numbers ? numbers.rest : text;
      return refuse(
        'bad-time',
        `invalid time "${rest}" specified, should be hh:mm[:ss] format and within the boundaries`,
        { word: rest === '' ? text : rest, option: context.option },
      );
    }
    const [hours = 0, minutes = 0, seconds = 0] = numbers;
    return hours * 3600 + minutes * 60 + seconds;
  },
};

const dateOption: OptionType<number> = {
  arity: 1,
  placeholder: 'YYYY[-MM[-DD[Thh[:mm[:ss]]]]]',
  shape: {
    kind: 'sequence',
    parts: [
      { kind: 'integer', min: 1970, max: 2038 },
      '-',
      { kind: 'integer', min: 1, max: 12 },
      '-',
      { kind: 'integer', min: 1, max: 28 },
    ],
  },
  parse(words, context) {
    const text = words[0] ?? '';
    const numbers = readNumbers(text, ['-', '-', 'T', ':', ':'], [2038, 12, 31, 23, 59, 59]);
    const bad = (): Refusal =>
      refuse('bad-date', `Invalid date "${text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]`, {
        word: text,
        option: context.option,
      });
    if ('rest' in numbers) return bad();
    const [year = 0, month = 1, day = 1, hours = 0, minutes = 0, seconds = 0] = numbers;
    // Days that a month does not have run on into the next one.
    const value = Date.UTC(year, month - 1, day, hours, minutes, seconds) / 1000;
    return year < 1970 || value < 0 ? bad() : value;
  },
};

const monthDaysOption: OptionType<number> = {
  arity: 1,
  // iptables-save prints a list of no day as nothing, which iptables-restore does not read again; a dump may have it.
  optional: true,
  placeholder: 'day[,day…]',
  shape: { kind: 'list', of: { kind: 'integer', min: 1, max: 31 }, separator: ',', max: 5 },
  parse(words, context) {
    let bits = 0;
    for (const part of (words[0] ?? '').split(',')) {
      if (part === '') continue;
      // Two characters of each are looked at.
      const word = part.slice(0, 2);
      const day = /^\d{1,2}$/.test(word) ? Number(word) : 99;
      if (day > 31)
        return refuse('bad-value', `${word} is not a valid day for --monthdays`, {
          word,
          option: context.option,
        });
      bits |= 1 << day;
    }
    return bits >>> 0;
  },
};

const weekDaysOption: OptionType<number> = {
  arity: 1,
  optional: true,
  placeholder: 'Mon|…|Sun[,…]',
  shape: { kind: 'list', of: { kind: 'words', values: dayNames.slice(1) }, separator: ',', max: 7 },
  parse(words, context) {
    const text = words[0] ?? '';
    let bits = 0;
    // An empty end is no day, an empty day in the middle is number 0.
    const parts = text.replace(/,$/, '');
    for (const part of parts === '' ? [] : parts.split(',')) {
      if (/^\d*$/.test(part)) {
        if (Number(part) === 0)
          return refuse('bad-value', 'No, the week does NOT begin with Sunday.', {
            word: part === '' ? text : part,
            option: context.option,
          });
        if (Number(part) <= 7) bits |= 1 << Number(part);
        continue;
      }
      const day = dayNames.findIndex((name, i) => i > 0 && part.startsWith(name.slice(0, 2)));
      if (day < 0)
        return refuse('bad-value', `${part} is not a valid day specifier`, {
          word: part,
          option: context.option,
          hint: 'Mon, Tue, Wed, Thu, Fri, Sat, Sun, or 1 to 7',
        });
      bits |= 1 << day;
    }
    return bits;
  },
};

const two = (n: number): string => String(n).padStart(2, '0');

const timeText = (seconds: number): string =>
  `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;

const dateText = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19);

const dayNumbers = (bits: number): number[] =>
  Array.from({ length: 31 }, (_, i) => i + 1).filter((day) => (bits & (1 << day)) !== 0);

const weekDayText = (bits: number): string =>
  dayNames.filter((_, i) => i > 0 && (bits & (1 << i)) !== 0).join(',');

/** A list of no day at all is printed as nothing, which cannot be read again. */
const dayList = (name: string, text: string, keepMeaning: boolean): string =>
  `--${name} ${text === '' && keepMeaning ? '""' : text}`;

function isWithin(d: TimeData, nowSeconds: number): boolean {
  if (nowSeconds < d.dateStartSeconds || nowSeconds > d.dateStopSeconds) return false;
  const ofDay = nowSeconds % daySeconds;
  let stamp = nowSeconds;
  if (d.dayStartSeconds < d.dayStopSeconds) {
    if (ofDay < d.dayStartSeconds || ofDay > d.dayStopSeconds) return false;
  } else {
    if (ofDay < d.dayStartSeconds && ofDay > d.dayStopSeconds) return false;
    if (d.contiguous && ofDay <= d.dayStopSeconds) stamp -= daySeconds;
  }
  const date = new Date(stamp * 1000);
  if ((d.weekDays & (1 << (date.getUTCDay() || 7))) === 0) return false;
  return (d.monthDays & (1 << date.getUTCDate())) !== 0;
}

/** Time of day, date, day of the week and of the month at which the packet passes. */
export const time = defineMatch({
  name: 'time',
  families: ['ipv4', 'ipv6'],
  options: {
    contiguous: { type: flag },
    datestart: { type: dateOption },
    datestop: { type: dateOption },
    timestart: { type: timeOption },
    timestop: { type: timeOption },
    weekdays: { type: weekDaysOption, invertible: true },
    monthdays: { type: monthDaysOption, invertible: true },
    localtz: { type: flag, excludes: ['utc'] },
    utc: { type: flag, excludes: ['localtz', 'kerneltz'] },
    kerneltz: { type: flag, excludes: ['utc'] },
  },
  constraints: {},
  needs: ['clock'],
  bind: (o): TimeData | Refusal => {
    const data: TimeData = {
      dayStartSeconds: o.timestart?.value ?? 0,
      dayStopSeconds: o.timestop?.value ?? daySeconds - 1,
      monthDays:
        (o.monthdays ? (o.monthdays.negated ? ~o.monthdays.value : o.monthdays.value) : allMonthDays) &
        allMonthDays,
      weekDays:
        (o.weekdays ? (o.weekdays.negated ? ~o.weekdays.value : o.weekdays.value) : allWeekDays) &
        allWeekDays,
      dateStartSeconds: o.datestart?.value ?? 0,
      dateStopSeconds: o.datestop?.value ?? dateStopDefault,
      contiguous: o.contiguous !== undefined,
      kernelTimezone: o.kerneltz !== undefined || o.localtz !== undefined,
    };
    return data.contiguous && data.dayStartSeconds < data.dayStopSeconds
      ? refuse(
          'bad-combination',
          'time: --contiguous only makes sense when stoptime is smaller than starttime',
          {
            word: '--contiguous',
            option: '--contiguous',
          },
        )
      : data;
  },
  print: (d, { keepMeaning }) => [
    ...(d.dayStartSeconds === 0 && d.dayStopSeconds === daySeconds - 1
      ? []
      : [option('timestart', timeText(d.dayStartSeconds)), option('timestop', timeText(d.dayStopSeconds))]),
    ...((d.monthDays & allMonthDays) === (allMonthDays | 0)
      ? []
      : [dayList('monthdays', dayNumbers(d.monthDays).join(','), keepMeaning)]),
    ...(d.weekDays === allWeekDays ? [] : [dayList('weekdays', weekDayText(d.weekDays), keepMeaning)]),
    ...(d.dateStartSeconds === 0 ? [] : [option('datestart', dateText(d.dateStartSeconds))]),
    option('datestop', dateText(d.dateStopSeconds)),
    ...(d.kernelTimezone ? [option('kerneltz')] : []),
    ...(d.contiguous ? [option('contiguous')] : []),
  ],
  compile: (d) => (_packet, env) =>
    env.timeMs === undefined || d.kernelTimezone
      ? env.ask('time', ['outside', 'inside'])
      : tri(isWithin(d, Math.floor(env.timeMs / 1000))),
  packets: (d, space) => space.choice({ kind: 'pure', key: `time ${JSON.stringify(d)}`, reads: [] }),
  docs: {
    summary: 'Time of day, date, weekday or day of the month.',
    man: 'iptables-extensions(8) time',
    kernel: 'net/netfilter/xt_time.c time_mt()',
  },
});
