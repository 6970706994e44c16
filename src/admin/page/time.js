// The one format in which the page shows a time of day.

/** Returns the time of day with seconds, such as 14:05:09. */
export const timeOfDay = (date) => date.toLocaleTimeString('en-GB');
