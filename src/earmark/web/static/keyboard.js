// Which key was pressed, in whatever script the keyboard writes: on an Arabic one the key of Y writes another letter.

export function keyOf({ key, code }) {
  const letter = /^Key([A-Z])$/.exec(code)?.[1];
  const isForeign = key.length === 1 && key > "\u02ff"; // beyond all Latin letters
  return (isForeign && letter ? letter : key).toLowerCase();
}
