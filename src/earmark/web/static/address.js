// What was asked stands in the page's address, so that going back and opening the page anew find it again.

export const FILTERS = ["folder", "speaker", "date", "language", "fa_per_hour"];

export function askedInAddress() {
  const said = new URLSearchParams(location.search);
  const filters = Object.fromEntries(FILTERS.filter((name) => said.get(name)).map((name) => [name, said.get(name)]));
  return { query: said.get("query") ?? "", filters };
}

export function writeAddress(query, filters) {
  const said = new URLSearchParams({ query, ...filters });
  const address = `?${said}`;
  if (address !== location.search) history.pushState(null, "", address);
}
