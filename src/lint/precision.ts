/** What was found on real dumps, and what readers judged of it. Written by `npm run corpus -- --update`. */

/** Real dumps that were looked at. */
export const dumpsRead = 148;

/** By code: how many findings on how many of these dumps; of those that somebody has read, how many were true, false, or neither for certain. Absent: never met. */
export const measuredPrecision: Readonly<
  Record<
    string,
    {
      readonly found: number;
      readonly dumps: number;
      readonly right: number;
      readonly wrong: number;
      readonly unclear: number;
    }
  >
> = {
  FW102: { found: 4, dumps: 4, right: 4, wrong: 0, unclear: 0 },
  FW104: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW108: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW109: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW110: { found: 7, dumps: 7, right: 7, wrong: 0, unclear: 0 },
  FW116: { found: 2, dumps: 1, right: 2, wrong: 0, unclear: 0 },
  FW125: { found: 5, dumps: 5, right: 5, wrong: 0, unclear: 0 },
  FW201: { found: 37, dumps: 7, right: 37, wrong: 0, unclear: 0 },
  FW202: { found: 145, dumps: 20, right: 66, wrong: 1, unclear: 0 },
  FW203: { found: 369, dumps: 33, right: 20, wrong: 0, unclear: 0 },
  FW204: { found: 30, dumps: 11, right: 27, wrong: 0, unclear: 3 },
  FW205: { found: 54, dumps: 8, right: 30, wrong: 0, unclear: 0 },
  FW206: { found: 8, dumps: 6, right: 8, wrong: 0, unclear: 0 },
  FW207: { found: 1125, dumps: 4, right: 93, wrong: 0, unclear: 0 },
  FW208: { found: 522, dumps: 31, right: 12, wrong: 0, unclear: 0 },
  FW209: { found: 128, dumps: 48, right: 11, wrong: 0, unclear: 0 },
  FW210: { found: 713, dumps: 17, right: 87, wrong: 0, unclear: 0 },
  FW211: { found: 81, dumps: 40, right: 23, wrong: 0, unclear: 0 },
  FW212: { found: 8, dumps: 5, right: 8, wrong: 0, unclear: 0 },
  FW301: { found: 50, dumps: 47, right: 48, wrong: 0, unclear: 2 },
  FW302: { found: 24, dumps: 14, right: 23, wrong: 0, unclear: 1 },
  FW303: { found: 10, dumps: 7, right: 10, wrong: 0, unclear: 0 },
  FW304: { found: 25, dumps: 9, right: 25, wrong: 0, unclear: 0 },
  FW305: { found: 2, dumps: 2, right: 2, wrong: 0, unclear: 0 },
  FW306: { found: 10, dumps: 4, right: 9, wrong: 0, unclear: 0 },
  FW307: { found: 5, dumps: 4, right: 3, wrong: 0, unclear: 0 },
  FW308: { found: 9, dumps: 4, right: 9, wrong: 0, unclear: 0 },
  FW309: { found: 2, dumps: 2, right: 2, wrong: 0, unclear: 0 },
  FW310: { found: 101, dumps: 98, right: 101, wrong: 0, unclear: 0 },
  FW312: { found: 53, dumps: 30, right: 52, wrong: 0, unclear: 0 },
  FW313: { found: 17, dumps: 15, right: 17, wrong: 0, unclear: 0 },
  FW314: { found: 17, dumps: 14, right: 17, wrong: 0, unclear: 0 },
  FW315: { found: 32, dumps: 32, right: 32, wrong: 0, unclear: 0 },
  FW316: { found: 4, dumps: 4, right: 4, wrong: 0, unclear: 0 },
  FW325: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW326: { found: 11, dumps: 11, right: 11, wrong: 0, unclear: 0 },
  FW328: { found: 130, dumps: 40, right: 122, wrong: 0, unclear: 0 },
  FW401: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW402: { found: 34, dumps: 2, right: 34, wrong: 0, unclear: 0 },
  FW404: { found: 4, dumps: 1, right: 4, wrong: 0, unclear: 0 },
  FW406: { found: 13, dumps: 1, right: 0, wrong: 0, unclear: 13 },
  FW411: { found: 41, dumps: 4, right: 41, wrong: 0, unclear: 0 },
  FW415: { found: 2, dumps: 1, right: 2, wrong: 0, unclear: 0 },
  FW501: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW504: { found: 18, dumps: 18, right: 18, wrong: 0, unclear: 0 },
  FW506: { found: 3, dumps: 3, right: 3, wrong: 0, unclear: 0 },
  FW510: { found: 2, dumps: 2, right: 2, wrong: 0, unclear: 0 },
  FW511: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW513: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW515: { found: 4, dumps: 3, right: 4, wrong: 0, unclear: 0 },
  FW518: { found: 8, dumps: 6, right: 8, wrong: 0, unclear: 0 },
  FW601: { found: 15, dumps: 15, right: 15, wrong: 0, unclear: 0 },
  FW602: { found: 3, dumps: 3, right: 3, wrong: 0, unclear: 0 },
  FW603: { found: 7, dumps: 1, right: 7, wrong: 0, unclear: 0 },
  FW604: { found: 38, dumps: 8, right: 38, wrong: 0, unclear: 0 },
  FW605: { found: 613, dumps: 7, right: 14, wrong: 0, unclear: 0 },
  FW606: { found: 3, dumps: 3, right: 3, wrong: 0, unclear: 0 },
  FW607: { found: 1993, dumps: 8, right: 14, wrong: 0, unclear: 0 },
  FW608: { found: 18, dumps: 2, right: 18, wrong: 0, unclear: 0 },
  FW610: { found: 2296, dumps: 84, right: 13, wrong: 0, unclear: 0 },
  FW702: { found: 11, dumps: 4, right: 11, wrong: 0, unclear: 0 },
  FW703: { found: 34, dumps: 24, right: 24, wrong: 0, unclear: 0 },
  FW704: { found: 4, dumps: 4, right: 4, wrong: 0, unclear: 0 },
  FW707: { found: 12, dumps: 6, right: 12, wrong: 0, unclear: 0 },
  FW709: { found: 257, dumps: 18, right: 14, wrong: 0, unclear: 0 },
  FW804: { found: 8, dumps: 2, right: 8, wrong: 0, unclear: 0 },
  FW901: { found: 57, dumps: 21, right: 57, wrong: 0, unclear: 0 },
  FW902: { found: 4, dumps: 4, right: 4, wrong: 0, unclear: 0 },
  FW903: { found: 1, dumps: 1, right: 1, wrong: 0, unclear: 0 },
  FW904: { found: 10, dumps: 7, right: 10, wrong: 0, unclear: 0 },
  FW905: { found: 53, dumps: 53, right: 12, wrong: 0, unclear: 0 },
  FW906: { found: 24, dumps: 12, right: 24, wrong: 0, unclear: 0 },
  FW908: { found: 23, dumps: 18, right: 23, wrong: 0, unclear: 0 },
  FW909: { found: 8, dumps: 8, right: 8, wrong: 0, unclear: 0 },
};
