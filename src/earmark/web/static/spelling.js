// How spellings are compared: Unicode form, case and spaces never matter, and tone marks do only between equals.

export const normal = (word) => word.normalize("NFC").toLowerCase().trim().replace(/\s+/g, " ").normalize("NFC");

export const plain = (word) => normal(word).normalize("NFD").replace(/\p{M}/gu, "");

// The keywords that go on from what is typed: those spelt exactly so first, then those that differ in marks alone,
// then those that hold it somewhere.
export function suggest(typed, keywords, most) {
  const exact = normal(typed);
  const bare = plain(typed);
  if (!bare) return [];
  const rank = (keyword) => {
    if (normal(keyword).startsWith(exact)) return 0;
    if (plain(keyword).startsWith(bare)) return 1;
    return plain(keyword).includes(bare) ? 2 : 3;
  };
  const ranked = keywords.map((keyword) => [rank(keyword), keyword]).filter(([at]) => at < 3);
  return ranked.sort(([a], [b]) => a - b).slice(0, most).map(([, keyword]) => keyword);
}

// The keyword that is meant, as the model spells it, or what was typed.
export function meant(typed, keywords) {
  const same = (how) => keywords.filter((keyword) => how(keyword) === how(typed));
  const [exact] = same(normal);
  const alike = same(plain);
  return exact ?? (alike.length === 1 ? alike[0] : typed.normalize("NFC").trim());
}
