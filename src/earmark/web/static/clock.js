// Seconds as people read them: h:mm:ss.s.

export function clock(seconds, decimals = 1) {
  const unit = 10 ** decimals;
  const all = Math.round(Math.max(0, seconds) * unit); // rounded first, so that 59.96 is 0:01:00.0 and never 0:00:60.0
  const whole = Math.floor(all / unit);
  const two = (number) => String(number).padStart(2, "0");
  const rest = decimals ? `.${String(all % unit).padStart(decimals, "0")}` : "";
  return `${Math.floor(whole / 3600)}:${two(Math.floor(whole / 60) % 60)}:${two(whole % 60)}${rest}`;
}
