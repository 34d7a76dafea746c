/** The grounds of words that say how something stands, each with the colour of its text. */
export const TONES = {
  good: "bg-good-ground text-good",
  warn: "bg-warn-ground text-warn",
  bad: "bg-bad-ground text-bad",
  info: "bg-info-ground text-info",
  accent: "bg-accent-ground text-accent",
  calm: "bg-calm-ground text-calm",
};

export type Tone = keyof typeof TONES;
