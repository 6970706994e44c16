// The checklist for hubs: each line with its number, its text, and the parts of its test. The lines are the MUSTs (1 to 15)
// and the SHOULDs and MAYs (16 to 23) of WebSub, and what PubSubHubbub 0.3 adds (24 to 33).

import { DELIVERY } from './delivery.mjs';
import { FETCHING } from './fetching.mjs';
import { REQUESTS } from './requests.mjs';
import { STATE } from './state.mjs';
import { VERIFICATION } from './verification.mjs';

export const CHECKLIST = [...REQUESTS, ...VERIFICATION, ...STATE, ...DELIVERY, ...FETCHING]
  .sort((left, right) => left.number - right.number);

/** The number of lines of the checklist. */
export const LINES = 33;
