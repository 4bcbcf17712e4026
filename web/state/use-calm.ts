/** A number that changes often, looked at once in a while: for what is read again when it changed. */
import { useEffect, useRef, useState } from 'preact/hooks';

/** Least time between two looks. */
const LOOK_MS = 1_000;

export function useCalm(value: number): number {
  const [calm, setCalm] = useState(value);
  const latest = useRef(value);
  latest.current = value;
  useEffect(() => {
    if (calm === value) return undefined;
    const timer = setTimeout(() => setCalm(latest.current), LOOK_MS);
    return () => clearTimeout(timer);
    // Counted from the first change, not from the last: what is always busy is looked at too.
  }, [calm === value]);
  return calm;
}
